"""Generated text in several scripts: frequent words, invented words, numbers and punctuation, for rendered lines.

Invented words follow the letters of a script without meaning, so that a network cannot learn a list of words by heart.
Texts are in logical order and in normal form NFC, with single spaces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from string import ascii_letters
from typing import TypeVar

import numpy as np

from .counter import uniform

T = TypeVar("T")

DRAWS = 512  # random numbers of a line; after the last one they begin again
_STREAM = 0x11E5
LATIN_WORDS = "Web page iPod London Paris Berlin mail news radio model e.g. No. km kg".split()


class Draws:
    """Random numbers of one line, one after the other: a pure function of the seed and its index."""

    def __init__(self, seed: int, index: int) -> None:
        self._values, self._next = uniform(seed, _STREAM, index, np.arange(DRAWS)).tolist(), 0

    def real(self, low: float = 0.0, high: float = 1.0) -> float:
        """Return a number in [low, high)."""
        value: float = self._values[self._next % DRAWS]
        self._next += 1
        return low + (high - low) * value

    def integer(self, low: int, high: int) -> int:
        """Return an integer from ``low`` to ``high``, both included."""
        return low + int(self.real() * (high - low + 1))

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of some choices."""
        return choices[self.integer(0, len(choices) - 1)]


@dataclass(frozen=True)
class Script:
    """What texts of a script consist of.

    Attributes:
        words: frequent words.
        invent: returns an invented word.
        letters: letters and signs that a font must have.
        digits: ten digits, or twenty for two kinds of them.
        stops: punctuation after words.
        brackets: pairs around words.
        cases: whether there are capital letters.
        foreign: whether Latin words appear between the others.
        shaped: whether its letters take their forms and places from their neighbours.
    """

    words: Sequence[str]
    invent: Callable[[Draws], str]
    letters: str
    stops: str = ",.;:!?"
    brackets: Sequence[str] = ("()", "[]", '""')
    digits: str = "0123456789"
    cases: bool = False
    foreign: bool = False
    shaped: bool = False


def line_text(script: Script, draws: Draws, shortest: int, longest: int, has: Callable[[str], bool]) -> str:
    """Return a line of ``shortest`` to ``longest`` characters.

    Args:
        script: its script.
        draws: the random numbers.
        shortest, longest: bounds of its length, at least 1.
        has: whether the font has the characters of a word.
    """
    length, parts, size = draws.integer(shortest, longest), list[str](), -1
    for _ in range(40):
        room = length - size - 1
        if room < 1 or (size >= shortest and room < 3):
            break
        word = _word(script, draws)
        if len(word) <= room and has(word):
            parts.append(word)
            size += 1 + len(word)
    if size < shortest:
        fill = script.digits[:10] if has(script.digits[:10]) else script.letters[:10]
        more = "".join(draws.pick(fill) for _ in range(max(shortest - size - 1, 1)))
        parts = [*parts, more] if size < shortest - 1 else [*parts[:-1], parts[-1] + more]
    return " ".join(parts)


def _word(script: Script, draws: Draws) -> str:
    kind = draws.real()
    if kind < 0.1:
        word = _number(script, draws, draws.integer(1, 4))
    elif kind < 0.17 and script.foreign:
        word = draws.pick(LATIN_WORDS)
    else:
        word = draws.pick(script.words) if kind < 0.6 else script.invent(draws)
        case = draws.real()
        if script.cases and case < 0.25:
            word = word.upper() if case < 0.05 else word[:1].upper() + word[1:]
    extra = draws.real()
    if extra < 0.15:
        word += draws.pick(script.stops)
    elif extra < 0.2:
        pair = draws.pick(script.brackets)
        word = pair[0] + word + pair[-1]
    elif extra < 0.23:
        word += "-" + draws.pick(script.words)
    return word


def _number(script: Script, draws: Draws, length: int) -> str:
    digits = script.digits[10 * draws.integer(0, len(script.digits) // 10 - 1) :][:10]
    number = "".join(draws.pick(digits) for _ in range(length))
    if length >= 4 and digits[0] == "0" and draws.real() < 0.3:
        return f"{number[:-3]}{draws.pick('.:')}{number[-2:]}"
    return number


def _syllables(onsets: Sequence[str], vowels: Sequence[str], codas: Sequence[str]) -> Callable[[Draws], str]:
    def invent(draws: Draws) -> str:
        count = draws.integer(1, 3)
        return "".join(draws.pick(onsets) + draws.pick(vowels) + draws.pick(codas) for _ in range(count))

    return invent


def _letters(letters: str, finals: dict[str, str]) -> Callable[[Draws], str]:
    def invent(draws: Draws) -> str:
        word = "".join(draws.pick(letters) for _ in range(draws.integer(2, 6)))
        return word[:-1] + finals.get(word[-1], word[-1])

    return invent


def _greek(draws: Draws) -> str:
    word = _GREEK_SYLLABLES(draws)
    return word[:-1] + "ς" if word.endswith("σ") else word


def _devanagari(draws: Draws) -> str:
    word = ""
    for _ in range(draws.integer(1, 4)):
        word += draws.pick(_CONSONANTS)
        if draws.real() < 0.18:
            word += "्" + draws.pick("यरवमनतलक")
        if draws.real() < 0.65:
            word += draws.pick("ािीुूेैोौिा")
        if draws.real() < 0.1:
            word += draws.pick("ंः")
    return word


_CONSONANTS = "कखगघङचछजझटठडढणतथदधनपफबभमयरलवशषसह"
_GREEK_SYLLABLES = _syllables(
    [*"β γ δ ζ θ κ λ μ ν ξ π ρ σ τ φ χ ψ".split(), "", "στ", "πρ"],
    "α ε η ι ο υ ω ου αι ει ά έ ή ί ό ύ ώ".split(),
    ["", "", "ν", "σ", "ρ"],
)

SCRIPTS: dict[str, Script] = {
    "latin": Script(
        words=(
            "the of and to in that is was he for it with as his on be at by had not are but from have they which you "
            "were her all their one we there what so out up would when time about into more only some could them "
            "und der die das nicht mit von für auch über große Haus schön le la les des est une être après déjà où "
            "garçon año niño más está città perché così över från små även først også"
        ).split(),
        invent=_syllables(
            "b c d f g h j k l m n p qu r s t v w x y z st br tr pl sch th".split(),
            "a e i o u a e i o ä ö ü é è ê á í ó ou ea".split(),
            ["", "", "n", "r", "s", "t", "l", "ck", "ng", "x"],
        ),
        letters=ascii_letters,
        brackets=("()", "[]", '""', "«»"),
        cases=True,
    ),
    "greek": Script(
        words=(
            "και το να του η της με που την από για στο είναι δεν τον ο οι τα στην θα στη αυτό μια μου σε ένα τους "
            "αλλά όχι πολύ εδώ όταν μετά πριν χρόνια κόσμος άνθρωπος ημέρα πόλη λόγος θάλασσα βιβλίο γλώσσα φως "
            "ύδωρ ώρα μέρος ήλιος"
        ).split(),
        invent=_greek,
        letters="αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΆΈΉΊΌΎΏ",
        stops=",.;·!",
        brackets=("()", "«»"),
        cases=True,
    ),
    "cyrillic": Script(
        words=(
            "и в не на я быть он с что а по это она этот к но они мы весь который из у за свой ты так о для год от же "
            "вы человек время если рука дело раз день жизнь первый большой другой наш новый хороший город слово книга "
            "друг вода земля ещё объект съезд эхо щука юность яблоко цена шёл чей"
        ).split(),
        invent=_syllables(
            [*"б в г д ж з к л м н п р с т ф х ц ч ш щ ст пр".split(), ""],
            "а е и о у ы э ю я ё".split(),
            ["", "", "н", "т", "й", "ль", "р", "с"],
        ),
        letters="абвгдежзийклмнопрстуфхцчшщъыьэюяёАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЁ",
        brackets=("()", "«»"),
        cases=True,
    ),
    "hebrew": Script(
        words=(
            "של את על לא הוא זה עם כי היא אני גם או כל אבל אם יש מה רק היה אין בין כמו עוד אחד שני יום בית ספר ילד איש "
            "אישה מים ארץ עיר דרך שלום עולם זמן שנה לפני אחרי טוב גדול קטן חדש לחם מלך עץ אף סוף צדק קול תורה"
        ).split(),
        invent=_letters("אבגדהוזחטיכלמנסעפצקרשתוהי", {"כ": "ך", "מ": "ם", "נ": "ן", "פ": "ף", "צ": "ץ"}),
        letters="אבגדהוזחטיכךלמםנןסעפףצץקרשת",
        foreign=True,
    ),
    "arabic": Script(
        words=(
            "في من على إلى أن هذا التي الذي كان عن مع ما هو هي لم قد كل بعد بين ثم أو غير حتى عند يوم بيت كتاب ولد رجل "
            "مدينة ماء أرض شمس قمر علم لغة تاريخ جديد كبير صغير أول آخر شيء سؤال رئيس مساء قراءة فتى ضوء ظل غرب خبز "
            "لا الآن الأمة الإسلام جدًا شكرًا أيضًا محمّد"
        ).split(),
        invent=_letters("ابتثجحخدذرزسشصضطظعغفقكلمنهويالم", {"ا": "ى", "ت": "ة"}),
        letters="ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي",
        stops="،.؛:!؟",
        digits="٠١٢٣٤٥٦٧٨٩0123456789",
        foreign=True,
        shaped=True,
    ),
    "devanagari": Script(
        words=(
            "के का की में है यह और से हैं को पर इस होता कि जो कर मे गया करने किया लिये अपने ने बनी नहीं तो ही या एवं दिया हो "
            "इसका था द्वारा हुआ तक साथ करना वाले बाद लिए आप कुछ सकते किसी ये इसके सबसे इसमें थे दो होने वह हिन्दी भाषा "
            "शब्द पुस्तक विद्या क्षेत्र ज्ञान श्री स्थिति कृष्ण ऋषि घर ऊपर औषध उत्तर एक ओर ईश्वर ऐसा अर्थ आत्मा छात्र झरना "
            "ठीक डर ढाल फल भाव हाँ माँ यहाँ बड़ा लड़का पढ़ना सड़क डॉक्टर गङ्गा"
        ).split(),
        invent=_devanagari,
        letters=_CONSONANTS + "ञअआइईउऊऋएऐओऔािीुूृेैोौंः्",
        stops=",.।?!",
        brackets=("()", '""'),
        digits="०१२३४५६७८९0123456789",
        shaped=True,
    ),
}
"""the scripts of rendered lines, by name"""
