"""What git's complaints mean, in sentences for the person who set the session up."""

import re

from sessions.redaction import process_redactor

#: What would be right, and the words of git that say so. The first that fits is taken.
_REMEDIES = {
    "belongs to another user of this machine; run the worker as that user, or allow it with "
    "`git config --global --add safe.directory PATH`": ("dubious ownership",),
    "the host's ssh key is not known; add it to the known_hosts file of the worker's user": (
        "host key verification failed",
    ),
    "access was refused; give git credentials in the worker's environment: a credential helper, GIT_ASKPASS, "
    "or a key in SSH_AUTH_SOCK": (
        *("could not read username", "could not read password", "terminal prompts disabled", "authentication failed"),
        *("permission denied (", "returned error: 401", "returned error: 403", "access denied", "invalid credentials"),
    ),
    "the host cannot be reached from the worker; check the address and the network": (
        *("could not resolve host", "name or service not known", "connection refused", "failed to connect"),
        *("couldn't connect", "could not connect", "connection timed out", "network is unreachable"),
        *("no route to host", "connection reset"),
    ),
    "the host's certificate is not trusted; check SSL_CERT_FILE or GIT_SSL_CAINFO": ("certificate",),
    "the disk of the worker is full; make room and run again": ("no space left on device", "disk quota exceeded"),
    "there is no repository that the worker may read; check the address and the access": (
        *("not found", "does not appear to be a git repository", "does not exist", "no such file or directory"),
        "not a git repository",
    ),
    "it cannot be written to; check the permissions": (
        *("read-only file system", "permission denied", "insufficient permission", "unable to create"),
    ),
}
_LONGEST = 300


def sentence_for(url: str, complaint: str) -> str:
    """One sentence for what git wrote on its error stream, without secrets."""
    lower = complaint.lower()
    for remedy, words in _REMEDIES.items():
        if any(word in lower for word in words):
            return f"{url}: {remedy} (git: {_last_words(complaint)})"
    return f"{url}: git failed: {_last_words(complaint)}"


def _last_words(complaint: str) -> str:
    lines = [line.strip() for line in complaint.splitlines() if line.strip()] or ["no reason given"]
    told = [line for line in lines if re.match(r"(fatal|error|remote): \S", line)]
    return process_redactor()((told or lines)[0][:_LONGEST])
