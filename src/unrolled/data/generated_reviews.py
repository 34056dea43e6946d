"""Generated reviews of one or two sentences, positive or negative, which word counts classify poorly.

Half of them combine a positive and a negative judgement, and the order decides ("the soup was stale, but the bread was
a delight"). Any judgement may be negated by the words before it ("far from", "anything but", "by no means"). A model of
word order can classify every review.
"""

from __future__ import annotations

import random

from .labelled import Examples

THINGS = (
    "the soup|the bread|the tea|the menu|the kettle|the lamp|the bicycle|the saddle|the tent|the zip|the jacket|the "
    "lining|the novel|the last chapter|the first act|the music|the lead actor|the plot|the camera|the screen|the "
    "battery|the keyboard|the room|the view|the bed|the guide|the train|the crew|the course|the lecturer"
).split("|")
GOOD = (
    "a delight|excellent|well made|a bargain|charming|worth every penny|a pleasant surprise|clever|generous|reliable|"
    "beautifully done|fresh|funny|a joy to use|comfortable|spotless|quick|warm and bright"
).split("|")
BAD = (
    "a disappointment|dreadful|badly made|a waste of money|dull|overpriced|a nuisance|clumsy|stingy|fragile|carelessly "
    "done|stale|tiresome|a chore to use|uncomfortable|filthy|slow|cold and dark"
).split("|")
PLAIN = ("was", "turned out to be", "was really", "was, to my mind,", "seemed")
TURNED = ("was far from", "was anything but", "was not at all", "was never", "was by no means")
ALSO = ("and", "and besides,", "; also", "and what is more,")
BUT = ("but", ", yet", "; even so,", ", although I should add that", "and still")
IN_SPITE = ("although", "even though", "while")
OPENINGS = ("", "", "", "Honestly, ", "We came on a Sunday. ", "I bought it for my sister. ", "Second visit. ")
VERDICTS = {
    True: ("I would come again", "five stars", "I recommend it"),
    False: ("never again", "one star", "avoid it"),
}


def reviews(seed: int, count: int) -> Examples:
    """Generate ``count`` reviews, a pure function of the seed."""
    draw = random.Random(seed)
    examples = Examples()
    for _ in range(count):
        positive = draw.random() < 0.5
        examples.texts.append(_review(draw, positive))
        examples.labels.append("positive" if positive else "negative")
    return examples


def _review(draw: random.Random, positive: bool) -> str:
    first, second = draw.sample(THINGS, 2)
    kind = draw.random()
    if kind < 0.3:  # one judgement
        body = _judgement(draw, first, positive)
    elif kind < 0.5:  # two that agree
        body = f"{_judgement(draw, first, positive)} {draw.choice(ALSO)} {_judgement(draw, second, positive)}"
    elif kind < 0.8:  # two that disagree: the one after "but" decides
        body = f"{_judgement(draw, first, not positive)} {draw.choice(BUT)} {_judgement(draw, second, positive)}"
    else:  # … or the one that is not introduced by "although"
        weak, strong = _judgement(draw, first, not positive), _judgement(draw, second, positive)
        word = draw.choice(IN_SPITE)
        body = f"{word} {weak}, {strong}" if draw.random() < 0.5 else f"{strong}, {word} {weak}"
    body = body.replace(" ,", ",").replace(" ;", ";")
    text = draw.choice(OPENINGS) + body[0].upper() + body[1:] + "."
    if draw.random() < 0.1:
        verdict = draw.choice(VERDICTS[positive])
        text += f" {verdict[0].upper()}{verdict[1:]}."
    return text


def _judgement(draw: random.Random, thing: str, positive: bool) -> str:
    """Return a judgement of a thing; one in three negates the opposite."""
    if draw.random() < 1 / 3:
        return f"{thing} {draw.choice(TURNED)} {draw.choice(BAD if positive else GOOD)}"
    return f"{thing} {draw.choice(PLAIN)} {draw.choice(GOOD if positive else BAD)}"
