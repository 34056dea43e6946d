"""Small untrained models of every task, and texts that they can read."""

from __future__ import annotations

import dataclasses

from planted_cells import story

from unrolled.data.build import build_vocabulary
from unrolled.tasks.classify.config import ClassifyConfig
from unrolled.tasks.classify.model import Classifier
from unrolled.tasks.classify.text_input import Tokenizer
from unrolled.tasks.classify.trained import TrainedClassifier
from unrolled.tasks.common.language import Language
from unrolled.tasks.common.recurrent import Recurrent
from unrolled.tasks.lm.config import LanguageModelConfig
from unrolled.tasks.lm.model import new_model
from unrolled.tasks.lm.trained import TrainedLanguageModel
from unrolled.tasks.tag.config import TagConfig
from unrolled.tasks.tag.model import Tagger
from unrolled.tasks.tag.trained import TrainedTagger
from unrolled.tasks.tag.words import Lexicon, TagSet
from unrolled.tasks.translate.config import TranslateConfig
from unrolled.tasks.translate.model import Translator
from unrolled.tasks.translate.trained import TrainedTranslator

TEXT = story(6000)
LINES = "Anna saw the cat.\n\nThe cat (Tom) didn't see Anna!\n  It rained, Zoë.\n" * 15
SMALL = Recurrent(hidden_size=6, num_layers=2)


def language_model(kind):
    vocabulary = build_vocabulary(kind, [TEXT], vocab_size=300)
    config = LanguageModelConfig(model=SMALL)
    return TrainedLanguageModel(new_model(len(vocabulary), config), vocabulary, config)


def classifier(kind, bidirectional=True):
    config = ClassifyConfig(model=SMALL)
    config = dataclasses.replace(config, answer=dataclasses.replace(config.answer, bidirectional=bidirectional))
    reader = Tokenizer(build_vocabulary(kind, [LINES.lower()]), lowercase=True)
    if kind == "word":
        reader = Tokenizer(type(reader.vocabulary)(["anna", "cat", "the", "see", "n't", "(", ")", "!"]), lowercase=True)
    return TrainedClassifier(Classifier(len(reader.vocabulary), 2, config), reader, ["a", "b"], config)


def tagger():
    config = TagConfig(model=SMALL)
    lexicon = Lexicon.of([line.split() for line in LINES.splitlines()])
    tags = TagSet(["O", "B-person", "I-person"], "bio")
    return TrainedTagger(Tagger(lexicon, tags, config.model, config.words), lexicon, tags, config)


def translator(kind, backwards=False):
    config = TranslateConfig(model=SMALL)
    config = dataclasses.replace(config, units=dataclasses.replace(config.units, reverse_source=backwards))
    language = Language(build_vocabulary(kind, [" " + LINES], vocab_size=300), lowercase=False)
    return TrainedTranslator(
        Translator(len(language), len(language), config.model, config.translator), language, language, config
    )
