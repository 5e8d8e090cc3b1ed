import pytest

from sessions.channels.address import describe_target, fill_in
from sessions.errors import DeliveryError
from sessions.parameter_values import ChannelName, DeliveryTarget


def test_variables_are_read_when_the_report_is_sent() -> None:
    assert fill_in(" https://${HOST}/${PATH_1} ", {"HOST": "a.example", "PATH_1": "x/y"}) == "https://a.example/x/y"


@pytest.mark.parametrize("value", [{}, {"HOST": ""}, {"HOST": "  "}])
def test_a_variable_that_is_missing_or_empty_is_named(value: dict[str, str]) -> None:
    with pytest.raises(DeliveryError, match="needs the variable HOST, which is not set"):
        fill_in("https://${HOST}/", value)


@pytest.mark.parametrize("to", ["https://${HOST", "${}", "${A-B}", "${1}"])
def test_what_only_looks_like_a_variable_is_refused(to: str) -> None:
    with pytest.raises(DeliveryError, match=r"write it as \$\{NAME\}"):
        fill_in(to, {"HOST": "x"})


@pytest.mark.parametrize(
    ("channel", "to", "shown"),
    [
        ("file", "reports/{session}.md", "file reports/{session}.md"),
        ("telegram", "-1001:topic:42", "telegram -1001:topic:42"),
        ("slack", "", "slack"),
        ("slack", "https://hooks.slack.com/services/T/B/s3cret", "slack hooks.slack.com"),
        ("discord", "${TEAM}", "discord ${TEAM}"),
        ("webhook", "https://user:s3cret@hooks.example:8443/s3cret?t=s3cret", "webhook hooks.example:8443"),
        ("webhook", "${TEAM_HOOK}/s3cret", "webhook ${TEAM_HOOK}"),
        ("webhook", "https://hooks.example:port/", "webhook (not an address)"),
        ("webhook", "s3cret", "webhook (not an address)"),
        ("apprise", "tgram://s3cret/1", "apprise tgram://…"),
        ("apprise", "${TEAM}", "apprise ${TEAM}"),
        ("apprise", "s3cret", "apprise (not an address)"),
    ],
)
def test_a_target_is_shown_without_what_could_be_secret(channel: ChannelName, to: str, shown: str) -> None:
    assert describe_target(DeliveryTarget(channel=channel, to=to)) == shown
