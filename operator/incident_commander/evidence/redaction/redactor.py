"""Text without its secrets."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator

from incident_commander.evidence.redaction.patterns import HIDDEN, PATTERNS, Pattern

_TAG_LENGTH = 8
_NAMES = ("pass", "pwd", "secret", "token", "credential", "key", "sess", "csrf", "xsrf", "otp", "salt", "signature")
"""Lower-case pieces, one of which every name of a secret has."""
_AFTER = re.compile("[:=\"']")
_NEAR = 64
"""Characters within which a name ends and its value begins, or which an option's dashes stand before a name."""
_BEGIN = re.compile(r"-----BEGIN[A-Z ]{0,40} PRIVATE KEY(?: BLOCK)?-----")
_END = re.compile(r"-----END[A-Z ]{0,40} PRIVATE KEY(?: BLOCK)?-----")
_MAX_KEY_LINES = 400
_MARKER = re.compile(r"\[REDACTED:[a-z-]{1,32}(?::[0-9a-f]{8})?\]")
_SENTINELS = re.compile("[\ue000\ue001]")


class Redactor:
    """Pure: the same text and key give the same answer.

    ``key`` makes the tags of equal secrets equal, and tells nothing about them to who does not have it; forget
    it afterwards. None: no tags.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key

    def hide(self, secret: str, kind: str) -> str:
        """What stands for a secret."""
        if self._key is None:
            return f"[REDACTED:{kind}]"
        tag = hmac.new(self._key, secret.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:_TAG_LENGTH]
        return f"[REDACTED:{kind}:{tag}]"

    def text(self, text: str) -> str:
        """The text without secrets and e-mail addresses. Redacting twice changes nothing."""
        hidden = _Hidden(self)
        text = _SENTINELS.sub("\ufffd", text)
        if "[REDACTED:" in text:
            text = _MARKER.sub(lambda match: hidden.keep(match[0]), text)
        if "PRIVATE KEY" in text:
            text = hidden.keys(text)
        lowered = text.lower()
        named = _may_name(lowered)
        for pattern in PATTERNS:
            if any(hint in lowered for hint in pattern.hints) if pattern.hints else named:
                text = hidden.matches(pattern, text)
        return hidden.shown(text)

    def lines(self, lines: Iterable[str]) -> Iterator[str]:
        """The same for the lines of a log, in which a private key may take many."""
        within = 0
        for line in lines:
            if within:
                within += 1
                if _END.search(line) or within > _MAX_KEY_LINES:
                    within = 0
                continue
            yield self.text(line)
            if (begun := _BEGIN.search(line)) and not _END.search(line, begun.end()):
                within = 1


def _may_name(lowered: str) -> bool:
    """Whether a secret may be named: cheap, so that the patterns need not look at what speaks of tokens and keys."""
    for name in _NAMES:
        place = lowered.find(name)
        while place >= 0:
            if _AFTER.search(lowered, place, place + _NEAR) or "--" in lowered[max(0, place - _NEAR) : place]:
                return True
            place = lowered.find(name, place + 1)
    return False


class _Hidden:
    """What was found so far in one text. A sentinel stands for it, which no pattern looks into."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._markers: list[str] = []

    def keep(self, marker: str) -> str:
        """The sentinel for a marker."""
        self._markers.append(marker)
        return f"\ue000{len(self._markers) - 1}\ue001"

    def keys(self, text: str) -> str:
        """Private keys, to their end or to the end of the text."""
        kept, place = [], 0
        while begun := _BEGIN.search(text, place):
            ended = _END.search(text, begun.end())
            end = ended.end() if ended else len(text)
            found = self._redactor.hide(text[begun.start() : end], "private-key")
            kept += [text[place : begun.start()], self.keep(found)]
            place = end
        return "".join([*kept, text[place:]])

    def matches(self, pattern: Pattern, text: str) -> str:
        """What a pattern finds."""
        group = "secret" if "secret" in pattern.regex.groupindex else 0

        def replaced(match: re.Match[str]) -> str:
            start, end = match.start(group) - match.start(), match.end(group) - match.start()
            marker = self._redactor.hide(match[group], pattern.kind)
            return match[0][:start] + self.keep(marker) + match[0][end:]

        return pattern.regex.sub(replaced, text)

    def shown(self, text: str) -> str:
        """The markers in the places of their sentinels."""
        return HIDDEN.sub(lambda match: self._markers[int(match[1])], text)
