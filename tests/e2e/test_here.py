from tests.fakes.house import House

async def test_x(house: House):
    ran = await house.run(prompt="RUN: echo blue")
    ran = await house.run(prompt="RUN: echo blue")
