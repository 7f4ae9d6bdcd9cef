"""What secrets look like. A pattern's group ``secret`` is replaced; without that group, the whole match.

Every pattern takes time linear in the text: repetitions are bounded, and none stands before a name that is
searched for. Sources of the vendors' formats: their documentation of token prefixes, and the rules of gitleaks
and GitHub's secret scanning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ANYWHERE = (
    r"password|passwd|passphrase|passcode|secret|token|credentials?|api[_-]?key|access[_-]?key(?:[_-]?id)?"
    r"|secret[_-]?key|private[_-]?key|encryption[_-]?key|signing[_-]?key|master[_-]?key|account[_-]?key|auth[_-]?key"
    r"|license[_-]?key|client-key-data|session[_-]?id|x-amz-signature|x-goog-signature"
)
"""Names of settings, fields, headers and parameters that hold a secret, also as the end of a longer name."""

_ALONE = r"pass|pwd|csrf|xsrf|otp|salt|jsessionid|phpsessid"
"""Those that are the ends of other words as well (compass, bypass)."""

_NAMED = rf"(?:(?:{_ANYWHERE})|(?<![A-Za-z])(?:{_ALONE}))s?(?:[_-](?:value|base64|b64|hash|\d{{1,2}}))?"

SECRET_NAME = re.compile(
    rf"(?:(?:{_ANYWHERE})|(?:^|[^A-Za-z])(?:{_ALONE}))s?"
    r"(?:[_.-]?(?:value|data|base64|b64|hash|primary|admin|root|user|ro|rw|\d{1,3}))?$",
    re.IGNORECASE,
)
"""Whether a variable, key or field of this name holds a secret. ``..._FILE``, ``..._NAME``, ``..._URL`` do not."""

_WORDS = (
    r"true|false|yes|no|null|nil|none|undefined|unset|empty|missing|required|invalid|incorrect|wrong|expired|expires"
    r"|not|is|was|has|for|from|in|on|of|to|and|or|the|must|cannot|could|failed|failure|error|denied|mismatch|mismatched"
    r"|authentication|authorization|auth|changed|rotated|refreshed|unknown|unauthorized|forbidden|ok|valid|accepted"
    r"|rejected|revoked|secret|token|password|key|redacted|hidden|disabled|enabled|default|using|string|bool|int|found"
)
"""What follows such a name in a sentence, and in `using password: YES`."""

_ENDS = r"(?=[\s\"'&;,)}\]]|[:.!?](?:\s|$)|$)"
_NO_VALUE = rf"(?!(?:{_WORDS}){_ENDS})(?!\ue000)(?!\$[({{])(?!\*{{2}})(?!<)(?!x{{3}})(?!\d{{1,6}}{_ENDS})"
"""Neither a word of a sentence, nor redacted, a reference, a mask, or a small number."""


HIDDEN = re.compile("\ue000(\\d+)\ue001")
"""Where something was redacted already, while the other patterns are applied."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One kind of secret. ``hints``: each match contains one of these lower-case texts; none: a name of a secret."""

    kind: str
    regex: re.Pattern[str]
    hints: tuple[str, ...] = ()


def _pattern(kind: str, regex: str, hints: str = "", flags: int = 0) -> Pattern:
    return Pattern(kind, re.compile(regex, flags), tuple(hints.split()))


_NAME_PATTERNS: tuple[str, ...] = (
    # "password":"x"   'password': 'x'   \"password\":\"x\"
    rf"{_NAMED}\\?[\"']\s{{0,3}}[:=]>?\s{{0,3}}\\?[\"'](?P<secret>{_NO_VALUE}[^\"'\\]{{1,4000}})",
    # password="x y"   password: 'x y'
    rf"{_NAMED}\s{{0,3}}[:=]\s{{0,3}}[\"'](?P<secret>{_NO_VALUE}[^\"'\r\n]{{1,4000}})[\"']",
    # password=x   ?token=x&   --password=x   Pwd=x;   secret_key = x
    rf"{_NAMED}\s{{0,3}}=\s{{0,3}}(?P<secret>{_NO_VALUE}[^\s\"'&;,)}}\]]{{3,4000}})",
    # --password x
    rf"--(?:[a-z]{{1,20}}-){{0,3}}{_NAMED}\s{{1,3}}[\"']?(?P<secret>{_NO_VALUE}(?!-)[^\s\"']{{3,4000}})",
    # password: x
    rf"(?:password|passwd|passphrase|(?<![A-Za-z])pwd)\s{{0,2}}:\s{{0,3}}(?P<secret>{_NO_VALUE}[^\s\"',;)}}\]]{{3,400}})",
    # token: x, where x is neither a word of small letters nor the name of something
    rf"{_NAMED}\s{{0,2}}:\s{{0,3}}(?P<secret>{_NO_VALUE}(?=(?-i:[^\s\"',;)}}\]:]{{0,60}}[A-Z0-9+/]))"
    r"(?![A-Za-z]{1,40}=)[^\s\"',;)}\]:]{8,4000})",
)

PATTERNS: tuple[Pattern, ...] = (
    _pattern(
        "jwt", r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{6,4000}\.eyJ[A-Za-z0-9_-]{6,8000}\.[A-Za-z0-9_-]{0,2000}", "eyj"
    ),
    _pattern(
        "url-password",
        r"[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s/:@\"'<>]{0,200}:"
        r"(?P<secret>(?!\ue000)[^\s/@\"'<>]{1,400}(?:/[^\s/@\"'<>]{1,100}){0,3})@(?=[\w\[.$-])",
        "://",
    ),
    _pattern(
        "dsn-password",
        r"(?<![\w/.\[-])[\w.-]{1,64}:(?P<secret>(?!\ue000)[^\s:@/\"']{1,200})@(?:tcp|unix)\(",
        "@tcp( @unix(",
    ),
    _pattern(
        "webhook-url",
        r"https://(?:hooks\.slack\.com/(?:services|workflows)|discord(?:app)?\.com/api/webhooks"
        r"|[\w.-]{1,80}\.webhook\.office\.com)/(?P<secret>[\w/@-]{10,400})",
        "hooks.slack.com /api/webhooks webhook.office.com",
    ),
    _pattern("aws-key", r"(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])", "akia asia abia acca"),
    _pattern(
        "google-key",
        r"(?<![\w-])AIza[0-9A-Za-z_-]{35}(?![\w-])|(?<![\w.])ya29\.[0-9A-Za-z_-]{20,400}",
        "aiza ya29.",
    ),
    _pattern(
        "vendor-token",
        r"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_\w{20,255}|gl(?:pat|dt|rt|ptt)-[\w-]{16,255}"
        r"|xox[abeoprs]-[\w-]{10,400}|xapp-[\w-]{10,400}|[sr]k_(?:live|test)_[A-Za-z0-9]{10,255}"
        r"|whsec_[A-Za-z0-9]{16,255}|npm_[A-Za-z0-9]{30,60}|pypi-[\w-]{40,400}|do[opr]_v1_[a-f0-9]{40,80}"
        r"|SG\.[\w-]{16,40}\.[\w-]{16,80}|hv[sbr]\.[\w-]{20,400}|sk-(?:proj-|ant-|svcacct-)?[\w-]{24,400}"
        r"|dckr_pat_[\w-]{20,60}|shpat_[a-f0-9]{32}|glsa_\w{32,60}|lin_api_[A-Za-z0-9]{32,60}"
        r"|AGE-SECRET-KEY-1[0-9A-Z]{40,80})",
        "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- gldt- glrt- glptt- xox xapp- k_live_ k_test_ whsec_ npm_ pypi- "
        "_v1_ sg. hvs. hvb. hvr. sk- dckr_pat_ shpat_ glsa_ lin_api_ age-secret-key-",
    ),
    _pattern(
        "password-hash",
        r"\$(?:2[abxy]\$\d\d\$[./A-Za-z0-9]{53}|[156y]\$[^\s$]{1,64}\$[./A-Za-z0-9]{20,120}"
        r"|argon2id?\$[^\s\"']{30,300})",
        "$",
    ),
    _pattern(
        "authorization",
        r"(?:authorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?:(?:bearer|basic|token|digest|negotiate)\s{1,3})?"
        r"|(?<![a-z])bearer\s{1,3}|(?<![a-z])basic\s{1,3}(?=[A-Za-z0-9+/]{12}))"
        rf"(?P<secret>{_NO_VALUE}(?!(?:bearer|basic|token|digest|negotiate)\s)(?=[A-Za-z0-9+/_.~-]{{0,200}}[A-Z0-9+/=])"
        r"(?![a-z-]{1,40}(?![\w.+/=~-]))[A-Za-z0-9+/_.~=-]{6,8000})",
        "authorization bearer basic",
        re.IGNORECASE,
    ),
    _pattern(
        "cookie",
        r"cookie[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?P<secret>[\w.%-]{1,100}=[^\s;\"']{4,4000}"
        r"(?:;\s{0,2}[\w.%-]{1,100}=[^\s;\"']{1,4000}){0,50})",
        "cookie",
        re.IGNORECASE,
    ),
    *(_pattern("named", regex, flags=re.IGNORECASE) for regex in _NAME_PATTERNS),
    _pattern(
        "email",
        r"(?<![\w.+%/-])[A-Za-z0-9][\w.+%-]{0,63}@"
        r"(?![\w.-]{1,200}\.(?:svc|local|internal|service|socket|timer|target|mount|slice|scope|device|path)(?![\w.-]))"
        r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,6}[A-Za-z]{2,24}(?![\w@]|[.-]\w)",
        "@",
    ),
)
"""In the order in which they are applied."""
