"""When a call began and with whom, from the names that recorders give their files.

One row a recorder, each with where its form of name is known from. More exact forms come first;
the last rows take a plain date and time from any name and say how little that proves.
"""

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePath

from detector.case import SHANGHAI

__all__ = ["PATTERNS", "Named", "Pattern", "normal_number", "started_from_name"]


@dataclass(frozen=True, slots=True)
class Named:
    """What a file name tells. `direction` is "in" or "out", seen from who recorded the call.

    A name that a call centre's exchange gave (freepbx, asterisk_out) is seen from that centre.
    """

    start: dt.datetime
    number: str | None
    direction: str | None
    contact: str | None
    pattern: str
    reliability: str
    note: str | None


@dataclass(frozen=True, slots=True)
class Pattern:
    """One recorder's form of name; the expression is matched against the whole name.

    Groups: y mo d h mi s (or yy, two digits), zone, half (AM or PM); number, name, who (either);
    dir.
    """

    id: str
    maker: str
    expression: str
    source: str
    reliability: str = "medium"
    note: str | None = None


_Y, _YY = r"(?P<y>19[89]\d|20\d\d)", r"(?P<yy>\d\d)"
_MO, _D = r"(?P<mo>0[1-9]|1[0-2])", r"(?P<d>0[1-9]|[12]\d|3[01])"
_H, _MI, _S = r"(?P<h>[01]\d|2[0-3])", r"(?P<mi>[0-5]\d)", r"(?P<s>[0-5]\d)"
_DATE, _TIME = _Y + _MO + _D, _H + _MI + _S
_SHORT = _YY + _MO + _D
_NUMBER = r"(?P<number>\+?[\d*#](?:[\d*# -]{1,24}\d|\d?))"
_WHO = r"(?P<who>[^/\\]+?)"
_DASHED = f"{_Y}-{_MO}-{_D}"
_LEAD = "通话录音|通話錄音|录音|Call recording|call recording"
_NO_SECONDS = "文件名没有秒"
_TWO_DIGITS = "年份只有两位数"
_ANY = "不是已知录音软件的命名,只取其中的日期时间"

PATTERNS = (
    Pattern(
        "xiaomi", "小米 MIUI",
        rf"(?:(?:{_LEAD})@)?(?P<name>[^()@]*)\({_NUMBER}\)(?:_[^()]*\([^()]*\))*_{_DATE}{_TIME}",
        # lead@name(number)_yyyyMMddHHmmss; several callers joined by _; "+" is written as 00
        "github.com/Liberations/flyme6_devices_base_miui8 miui/util/RecordingNameUtils.smali",
    ),
    Pattern(
        "xiaomi_number", "小米 MIUI", rf"(?:{_LEAD})@{_NUMBER}_{_DATE}{_TIME}",
        # the same without a contact name
        "github.com/Liberations/flyme6_devices_base_miui8 miui/util/RecordingNameUtils.smali",
    ),
    Pattern(
        "huawei", "华为 EMUI", rf"(?P<name>[^@]+)@{_NUMBER}_{_DATE}{_TIME}(?:_\d{{1,3}})?",
        # generateAbsoluteFilePath: name@number_yyyyMMddHHmmss, _1 where the name is taken
        "github.com/hungnguyen2407/HwCallRecorder com/android/phone/recorder/Utils.java",
    ),
    Pattern(
        "honor", "荣耀 MagicOS、华为(无联系人)", rf"{_NUMBER}_{_DATE}{_TIME}(?:_\d{{1,3}})?",
        "github.com/kitsumed/ShizuCallRecorder/issues/70",
    ),
    Pattern(
        "coloros", "OPPO、realme、一加 ColorOS", rf"{_WHO}-{_SHORT}{_H}{_MI}",
        # 10987654321-2203021149.mp3
        "github.com/nicorac/bcr-gui/issues/100", "low", _NO_SECONDS,
    ),
    Pattern(
        "vivo", "vivo", rf"{_WHO} {_DASHED} {_H}-{_MI}-{_S}",
        # Record/Call/<number> 2019-05-16 10-06-40.amr, in a comment of a public FileUtils.java
        # that lists the folders of Lenovo, Meizu, Xiaomi, vivo and Honor
        "public code: FileUtils.java (Record/Call/… yyyy-MM-dd HH-mm-ss.amr)",
    ),
    Pattern(
        "samsung", "三星 One UI", rf"(?:{_LEAD}|통화 녹음) {_WHO}_{_SHORT}_{_TIME}",
        # /Call recording (.+?)_(\d{6})_(\d{6})\.m4a$/, YYMMDD and HHMMSS, in several public parsers
        "public code: extractDetailsFromFileName, CallRecordingFilenameParser",
    ),
    Pattern(
        "lineageos", "LineageOS", rf"{_NUMBER}_{_SHORT}_{_TIME}(?:\d{{3}})?",
        # +48123456789_240506_225406577.amr
        "github.com/nicorac/bcr-gui/issues/121",
    ),
    Pattern(
        "grapheneos", "GrapheneOS、crDroid", rf"CallRecord_{_DATE}-{_TIME}_{_NUMBER}",
        # CallRecord_20230619-121746_+12192826655.m4a
        "github.com/nicorac/bcr-gui/issues/30",
    ),
    Pattern(
        "bcr", "BCR (Basic Call Recorder)",
        rf"{_DATE}_{_TIME}(?:\.\d+)?(?P<zone>[+-]\d{{4}}|Z)(?:_(?P<dir>in|out|conference))?"
        rf"(?:_sim\d)?(?:_{_NUMBER})?(?:_(?P<name>.*?))?_?",
        # 20220614_113922.459+0200_out_800003322__PosteItaliane_
        "github.com/chenxiaolong/BCR/issues/3, /issues/77; nicorac/bcr-gui recording.ts",
        "medium",
    ),
    Pattern(
        "cube_acr", "Cube ACR",
        rf"{_DASHED} {_H}-{_MI}-{_S} \([a-z]+\) (?P<name>.*?) ?(?:\({_NUMBER}\) ?)?"
        r"(?P<dir>[↗↙])?",
        # 2025-10-03 16-54-44 (phone) Name (0486300265) ↙.m4a
        "public code: cube-acr/parser.ts, parseCubeACRFilename",
    ),
    Pattern(
        "cube_acr_old", "Cube ACR(旧版)",
        rf"(?:phone|whatsapp|telegram|viber|skype)[_-]{{1,2}}{_DATE}-{_TIME}(?:[_-]{_NUMBER})?",
        "public code: lib/parseCubeACRFilename.js",
    ),
    Pattern(
        "true_phone", "True Phone",
        rf"(?:(?P<name>.+?) \({_NUMBER}(?: [^()]*)?\)|(?P<who>.+?) @) {_DASHED}_{_TIME}"
        r"_(?P<dir>in|out)",
        # Operator (5433 …) 2026-02-28_122509_out
        "github.com/nicorac/bcr-gui/issues/225",
    ),
    Pattern(
        "spreadtrum", "展锐平台手机", rf"(?:SIM\d|M|S)_{_D}{_MO}{_Y}_{_TIME}",
        # SimpleDateFormat(slot + "_ddMMyyyy_HHmmss")
        "github.com/wangjicong/Android-6.0-packages PhoneRecorderHelper.java",
    ),
    Pattern(
        "voicecall", "展锐平台手机(旧版)", rf"voicecall-{_DATE}{_TIME}",
        # SimpleDateFormat("'voicecall'-yyyyMMddHHmmss")
        "github.com/wangjicong/Android-6.0-packages PhoneRecorderHelper.java",
    ),
    Pattern(
        "voice_memos", "iPhone 语音备忘录", rf"{_DATE} {_TIME}(?:-[0-9A-F]{{8}})?",
        # Voice Memos' own files: YYYYMMDD HHMMSS.m4a
        "public code: VoiceMemoFilePattern, parseVoiceMemoFilename", "medium",
        "语音备忘录不是通话录音软件,开始录音可能晚于接通",
    ),
    Pattern(
        "wechat", "微信语音", r"msg_(?P<s>[0-5]\d)(?P<h>[01]\d|2[0-3])(?P<mi>[0-5]\d)"
        rf"{_MO}{_D}{_YY}[0-9a-f]{{7,}}",
        # VoiceStorage: SimpleDateFormat("ssHHmmMMddyy") + 7 digits of a hash + a number
        "com.tencent.mm VoiceStorage as decompiled; m.studyofnet.com/113231686.html",
        "medium", "微信按本机时间在发送或接收时命名",
    ),
    Pattern(
        "telegram", "Telegram 导出", rf"audio_\d+@{_D}-{_MO}-{_Y}_{_H}-{_MI}-{_S}",
        # audio_1@02-11-2019_15-54-41.ogg
        "github.com/telegramdesktop/tdesktop/issues/8978",
    ),
    Pattern(
        "freepbx", "FreePBX、Issabel(Asterisk)",
        rf"(?P<kind>in|out|q|rg|exten|external|internal|force|dontcare|conf)-{_NUMBER}-"
        rf"(?P<from>\+?\w+)-{_DATE}-{_TIME}-\d+\.\d+",
        # __CALLFILENAME = kind-dialled-from-YYYYMMDD-HHMMSS-uniqueid
        "github.com/FreePBX/callrecording functions.inc.php; diditho.com/2025/04/23",
    ),
    Pattern(
        "asterisk_out", "Elastix、旧 FreePBX",
        rf"(?P<kind>OUT|IN|g|q)-?(?P<from>\d+)-(?:{_NUMBER}-)?{_DATE}-{_TIME}-\d+\.\d+",
        # OUT<from>-<dialled>-YYYYMMDD-HHMMSS-uniqueid.WAV
        "pastebin.com/EZS2YX3A",
    ),
    Pattern(
        "asterisk", "Asterisk 呼叫中心", rf"{_DATE}-{_TIME}-\d+\.\d+",
        # CALLFILENAME = ${STRFTIME(${EPOCH},,%Y%m%d-%H%M%S)}-${UNIQUEID}
        "public code: Elastix CallCenter dialplan [llamada_agendada]",
    ),
    Pattern(
        "vicidial", "VICIdial", rf"{_DATE}-{_TIME}_{_NUMBER}(?:_\w+)*(?:-(?:all|in|out))?",
        # campaign_rec_filename defaults to FULLDATE_CUSTPHONE; -all is the mixed recording
        "VICIdial MySQL_AST_CREATE_tables.sql; packagist.org/packages/imranniaz-st/viciform",
    ),
    Pattern(
        "telesis", "Telesis 交换机",
        rf"(?P<from>\w{{1,8}}?)_+{_SHORT}_{_TIME}_A(?P<dir>[IO])_.*",
        # AAAAAAAA_YYMMDD_HHMMSS_AD_I_N_C_R_P
        "wiki2.telesis.com.tr Resources.FileNameFormatForAutomaticVoiceRecords",
    ),
    Pattern(
        "miarec", "MiaRec", rf"{_DASHED}-{_TIME}(?:_\d{{1,3}})?",
        # %{setup-time#%Y-%m-%d-%H%M%S}.mp3
        "docs.miarec.com/admin-guide/storage-management (File name format)",
    ),
    Pattern(
        "miarec_plain", "MiaRec 等", rf"{_DATE}{_TIME}(?:_\d{{1,3}})?",
        # 20110203104522_2.mp3
        "docs.miarec.com/admin-guide/storage-management (File name format)", "low",
        "多种软件都这样命名",
    ),
    Pattern(
        "any_12h", "通用",
        rf".*?{_Y}[-._年]?{_MO}[-._月]?{_D}日?(?: at|[ _T-])+(?P<half>上午|下午|AM|PM)?[ _]?"
        r"(?P<h12>0?[1-9]|1[0-2])[-.:_\uff1a时點点](?P<mi>[0-5]\d)(?:[-.:_\uff1a分](?P<s>[0-5]\d))?"
        r"[分秒]? ?(?P<half2>AM|PM)?(?!\d).*",
        "no recorder in particular", "low", _ANY,
    ),
    Pattern(
        "any_24h", "通用",
        rf"(?:.*?(?<!\d))?{_Y}[-._年]?{_MO}[-._月]?{_D}日?[ _T-]{{0,3}}"
        rf"{_H}[-.:_\uff1a时點点]?{_MI}"
        rf"(?:[-.:_\uff1a分]?{_S}秒?)?(?!\d).*",
        "no recorder in particular", "low", _ANY,
    ),
    Pattern(
        "any_day_first", "通用",
        rf"(?:.*?(?<!\d))?{_D}[-._]{_MO}[-._]{_Y}[ _T-]{{1,3}}{_H}[-.:_]?{_MI}"
        rf"(?:[-.:_]?{_S})?(?!\d).*",
        "no recorder in particular", "low", _ANY,
    ),
)  # fmt: skip
_COMPILED = tuple((pattern, re.compile(pattern.expression)) for pattern in PATTERNS)
_COPY = re.compile(r"(?: ?\(\d{1,2}\)| ?- ?副本(?: ?\(\d+\))?| ?- Copy(?: ?\(\d+\))?)$")
_SUFFIX = re.compile(r"\.(?:[A-Za-z]{2,4}|m4[abr]|mp[234]|3gp{1,2}|3g2)$")
_DIRECTIONS = {"in": "in", "IN": "in", "external": "in", "q": "in", "rg": "in", "↙": "in",
               "out": "out", "OUT": "out", "↗": "out"}  # fmt: skip
_CALL_RECORDERS = (2009, 2039)
"""Years in which such a phone may have recorded."""


def normal_number(written: str | None) -> str | None:
    """Return a telephone number's digits without +86; None where there are none."""
    if not written:
        return None
    digits = re.sub(r"[^\d+*#]", "", unicodedata.normalize("NFKC", written))
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    digits = re.sub(r"^\+?86(?=1\d{10}$|0?[1-9]\d{9,10}$)", "", digits)
    return digits if re.search(r"\d", digits) else None


def started_from_name(name: str, tz: dt.tzinfo = SHANGHAI) -> Named | None:
    """Return what a recorder's file name tells of its call, None if it tells no time.

    Times without an offset of their own are of `tz`.
    """
    stem = _SUFFIX.sub("", unicodedata.normalize("NFC", PurePath(name).name).strip())
    for pattern, expression in _COMPILED:
        for form in dict.fromkeys((stem, _COPY.sub("", stem))):
            match = expression.fullmatch(form)
            found = match and _named(pattern, match.groupdict(), tz)
            if found:
                return found
    return None


def _named(pattern: Pattern, parts: dict[str, str | None], tz: dt.tzinfo) -> Named | None:
    notes = [pattern.note] if pattern.note else []
    reliability = pattern.reliability
    hour = int(parts.get("h12") or parts.get("h") or 0)
    half = {"上午": "AM", "下午": "PM"}.get(
        str(parts.get("half")), parts.get("half") or parts.get("half2")
    )
    if parts.get("h12"):
        if half is None:
            return None
        hour = hour % 12 + (12 if half == "PM" else 0)
    year = int(parts.get("y") or f"20{parts['yy']}")
    month, day = int(parts["mo"] or 0), int(parts["d"] or 0)
    try:
        start = dt.datetime(
            year, month, day, hour, int(parts["mi"] or 0), int(parts.get("s") or 0), tzinfo=tz
        )
    except ValueError:
        return None
    zone = parts.get("zone")
    if zone:
        start = dt.datetime.fromisoformat(start.replace(tzinfo=None).isoformat() + zone)
    if not parts.get("s") and _NO_SECONDS not in notes:
        notes.append(_NO_SECONDS)
        reliability = "low"
    if parts.get("yy"):
        notes.append(_TWO_DIGITS)
        other = 2000 + day  # public parsers disagree on the order: 21-05-22 may be day first
        first, last = _CALL_RECORDERS
        if (
            pattern.id == "samsung"
            and first <= other <= last
            and year % 100 <= 31
            and other != year
        ):
            notes.append(f"按年月日读;若是日月年则为 {other} 年 {month} 月")
            reliability = "low"
    if pattern.id == "any_day_first":
        notes.append("按日-月-年读" + (",也可能是月-日-年" if day <= 12 and day != month else ""))
    if start.replace(fold=1).utcoffset() != start.utcoffset():
        notes.append("正值夏令时结束,这个钟点有两次,按第一次算")
        reliability = "low"
    number, contact, direction = _party(pattern, parts)
    return Named(
        start, number, direction, contact, pattern.id, reliability, ";".join(notes) or None
    )


def _party(
    pattern: Pattern, parts: dict[str, str | None]
) -> tuple[str | None, str | None, str | None]:
    number, contact = parts.get("number"), (parts.get("name") or "").strip(" _") or None
    who = (parts.get("who") or "").strip()
    if who:
        if re.fullmatch(r"\+?[\d*# -]+", who):
            number = who
        else:
            contact = who
    kind = parts.get("kind")
    direction = _DIRECTIONS.get(str(parts.get("dir") or kind))
    # of calls that came in, the other party is who called, not the extension that was rung
    if kind in ("in", "external", "q", "rg", "force", "IN") and pattern.id == "freepbx":
        caller = parts.get("from")
        if kind != "force" and caller and re.fullmatch(r"\+?\d{5,}", caller):
            number = caller
    clean = normal_number(number)
    if contact and normal_number(contact) == clean and re.fullmatch(r"[+\d*# -]+", contact):
        contact = None
    return clean, contact, direction
