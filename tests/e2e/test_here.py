from tests.fakes.house import House

async def test_x(house: House):
    ran = await house.run(prompt="RUN: echo blue", model="claude-nonsense")
    print(ran.state, ran.record)
    ran = await house.run(prompt="RUN: echo blue")
    print(ran.state, ran.record)
    ran = await house.run(prompt="RUN: sleep 600", timeout_seconds=1)
    print(ran.state, ran.record)
