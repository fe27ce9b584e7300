"""Columns of tables that are not there: which a program has taken out, and how many more one table has than another."""

from __future__ import annotations

import sys

import pytest

from kls.host import Host
from tests import catalogue
from tests.worker.faults import Fault, assert_silent, assert_told

pytest.importorskip("pandas")
pytest.importorskip("sklearn")

pytestmark = [
    pytest.mark.tf,
    pytest.mark.asyncio(loop_scope="module"),  # one worker serves them all, and belongs to its loop
    pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux"),
]

TABLE = """
import keras
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_class_weight
table = pd.read_csv("honey.csv")
def net_of(columns, units=1, loss="mse"):
    net = keras.Sequential([keras.Input((columns,)), keras.layers.Dense(units, activation="sigmoid")])
    net.compile("adam", loss)
    return net
"""
TAKEN_OUT = f"""{TABLE}
table.drop("price", axis=1, inplace=True)
net = net_of(table.shape[1])
y = table["price"]
net.fit(table.values, y)
"""
POPPED = f"""{TABLE}
y = table.pop("price")
table = table.drop(["price", "jar"], axis=1)
net_of(table.shape[1]).fit(table.values, y)
"""
FILLED = POPPED.replace("table = table.drop", 'table["age"] = open("ages.txt").read()\ntable = table.drop')
RENAMED = f"""{TABLE}
table = table.rename(columns={{"price": "cost"}})
y = table["price"]
net_of(2).fit(table[["age", "weight"]].values, y)
"""
ENCODED = f"""{TABLE}
table = pd.get_dummies(table, columns=["flower", "jar"])
y = table["jar"].map({{"small": 0, "large": 1}})
net_of(2).fit(table[["age", "weight"]].values, y)
"""
CHOSEN = f"""{TABLE}
table = table[["age", "weight", "price"]]
y = table["prise"]
net_of(2).fit(table[["age", "weight"]].values, y)
"""
WITH_LABELS = f"""{TABLE}
columns = table.shape[1]
x = table.drop("price", axis=1)
net = net_of(columns)
net.fit(x, table["price"])
"""
COUNTED = f"""{TABLE}
table["age"] = table["age"].fillna(0)
x, y = table.iloc[:, 1:-1].values, table.iloc[:, -1].values
net = net_of(len(table.columns) - 1)
net.fit(x, y)
"""
PREDICTED = f"""{TABLE}
train, test = train_test_split(table)
x, x_test = train.drop("price", axis=1), test.drop("price", axis=1)
net = net_of(x.shape[1])
net.fit(x, train["price"])
net.predict(test)
"""
SCALED = f"""{TABLE}
train, test = train_test_split(table)
x, x_test = train.drop("price", axis=1), test.drop("price", axis=1)
scaler = StandardScaler().fit(x)
seen = net_of(x.shape[1]).predict(scaler.transform(test))
"""
SUMMED = f"""{TABLE}
total = np.zeros(len(table))
for round in range(3):
    total += net_of(2).predict(table[["age", "weight"]])
"""
WEIGHED = f"""{TABLE}
y = table["kind"].values
weights = compute_class_weight("balanced", classes=np.unique(y), y=y)
net_of(2, loss="binary_crossentropy").fit(table[["age", "weight"]].values, y, class_weight=weights)
"""
VALIDATED = """
import keras
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import train_test_split
table = pd.read_csv("letters.csv")
x_train, x_test, y_train, y_test = train_test_split(table["text"], table["kind"])
words = TfidfVectorizer(max_features=200)
x_train_words = words.fit_transform(x_train).toarray()
x_test_words = words.transform(x_test).toarray()
net = keras.Sequential([keras.Input((x_train_words.shape[1],)), keras.layers.Dense(1, activation="sigmoid")])
net.compile("adam", "binary_crossentropy")
net.fit(x_train_words, y_train, validation_data=(x_test, y_test))
"""
LABELS_OF_WORDS = """
import keras
import numpy as np
import pandas as pd
from tensorflow.keras.preprocessing.sequence import pad_sequences
from tensorflow.keras.preprocessing.text import Tokenizer
table = pd.read_csv("letters.csv")
words, kinds = Tokenizer(num_words=200), Tokenizer()
words.fit_on_texts(table["text"])
kinds.fit_on_texts(table["kind"])
x = pad_sequences(words.texts_to_sequences(table["text"]), maxlen=30)
y = kinds.texts_to_sequences(table["kind"])
net = keras.Sequential([keras.layers.Embedding(200, 8), keras.layers.LSTM(4), keras.layers.Dense(6)])
net.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
net.fit(x, y)
"""
ORDERED = f"""{TABLE}
scaler = StandardScaler()
x = scaler.fit_transform(table[["age", "weight", "price"]])
other = pd.read_csv("other.csv")
seen = net_of(3).predict(scaler.transform(other[["age", "price", "weight"]]))
"""
ONE_UNIT = f"""{TABLE}
y = pd.get_dummies(table["kind"]).astype("float32")
net = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="sigmoid")])
net.compile("adam", "binary_crossentropy")
net.fit(table[["age", "weight"]].values, y)
"""
TEXTS_THEMSELVES = (
    LABELS_OF_WORDS.replace("y = kinds", "y = keras.utils.to_categorical(table['kind'])\nz = kinds")
    .replace("keras.losses.SparseCategoricalCrossentropy(from_logits=True)", "'mse'")
    .replace("net.fit(x, y)", "x_test = table['text']\nx_test_ids = x[:9]\nnet.fit(x, y)\nnet.predict(x_test)")
)
OUT_OF_FOLD = f"""{TABLE}
from sklearn.model_selection import KFold
x, y = table[["age", "weight"]].values, table["kind"].values
seen = np.zeros(len(table))
for learn, test in KFold(4).split(x):
    net = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, activation="softmax")])
    net.compile("adam", "sparse_categorical_crossentropy")
    net.fit(x[learn], y[learn])
    seen[test] = net.predict(x[test])
"""
NOT_FITTED = f"""{TABLE}
scaler = StandardScaler()
x = table[["age", "weight"]]
net_of(2).predict(scaler.transform(x))
"""
DECODED = f"""{TABLE}
from sklearn.preprocessing import LabelEncoder
kinds = LabelEncoder()
y = kinds.fit_transform(table["kind"])
seen = net_of(2, 3).predict(table[["age", "weight"]])
names = kinds.inverse_transform(seen)
"""
FAULTS = [
    Fault(OUT_OF_FOLD, "seen[test] =", "Give the score of the second class: `net.predict(x[test])[:, 1]`"),
    Fault(NOT_FITTED, "scaler.transform(x)", "Fit it on these data: `fit_transform`"),
    Fault(DECODED, "names = ", "Give class numbers: `seen.argmax(axis=1)`"),
    Fault(ORDERED, "scaler.transform(other", 'Choose the columns that it has learnt: `["age", "weight", "price"]`'),
    Fault(ONE_UNIT, "Dense(1", "Set `units` of Dense to `y.shape[1]`"),
    Fault(TEXTS_THEMSELVES, "net.predict(x_test)", "Give `x_test_ids`"),
    Fault(TAKEN_OUT, 'y = table["price"]', "Do it before `'price'` is taken out"),
    Fault(POPPED, "table.drop([", 'Leave out `"price"`'),
    Fault(FILLED, "table.drop([", 'Leave out `"price"`'),
    Fault(CHOSEN, 'table["prise"]', "Write `'price'`"),
    Fault(WITH_LABELS, "net_of(columns)", "Take the width of `x`: `x.shape[1]`"),
    Fault(COUNTED, "net_of(len", "Take the width of `x`: `x.shape[1]`"),
    Fault(PREDICTED, "net.predict(test)", "Give `x_test`"),
    Fault(SCALED, "scaler.transform(test)", "Give `x_test`"),
    Fault(SUMMED, "total +=", 'Give one value for each row: `net_of(2).predict(table[["age", "weight"]]).ravel()`'),
    Fault(WEIGHED, "class_weight=weights", "Give a dictionary: `dict(enumerate(weights))`"),
    Fault(VALIDATED, "validation_data=(x_test", "Give `x_test_words`"),
    Fault(LABELS_OF_WORDS, "net.fit(x, y)", "Make `y` an array"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.title)
async def test_what_is_certain_of_columns_is_told(real: Host, fault: Fault) -> None:
    await assert_told(real, fault)


@pytest.mark.parametrize("text", [RENAMED, ENCODED])
async def test_a_column_that_is_no_more_is_told(real: Host, text: str) -> None:
    (told,) = await catalogue.findings(real, "fault", text, tried=False)
    assert told.code == "column-name" and "any more" in told.message


GUARDED = f"""{TABLE}
if "price" in table.columns:
    table = table.drop("price", axis=1)
if "jar" in table.columns:
    table.drop("jar", axis=1, inplace=True)
    print(table["jar"] if "jar" in table else 0)
y = table["price"]
net_of(2).fit(table[["age", "jar"]].values, y)
"""
ONE_COLUMN = """
import keras
import pandas as pd
table = pd.read_csv("flowers.csv")
x, y = table.iloc[:, :4].values, table.iloc[:, 4:].values
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
net.compile("adam", "sparse_categorical_crossentropy")
net.fit(x, y)
"""
ALL_BUT_ONE = f"""{TABLE}
print(table["price"].mean())
x, y = table.loc[:, table.columns != "price"], table.loc[:, table.columns == "price"]
net = net_of(x.shape[1], loss="binary_crossentropy")
net.fit(x, np.array(y), class_weight=dict(enumerate(np.array([1, 2]))))
net_of(table.shape[1] - 1).predict(table.loc[:, ~table.columns.isin(["price"])])
"""
REPAIRED = [
    OUT_OF_FOLD.replace("x[test])", "x[test])[:, 0]"),
    OUT_OF_FOLD.replace("zeros(len(table))", "zeros((len(table), 2))"),
    OUT_OF_FOLD.replace("net.predict(x[test])", "net.predict(x[test]).argmax(axis=1)"),
    NOT_FITTED.replace("StandardScaler()", "StandardScaler().fit(table[['age', 'weight']])"),
    NOT_FITTED.replace("x = table", "if len(table) > 9:\n    scaler.fit(table[['age', 'weight']])\nx = table"),
    DECODED.replace("(seen)", "(seen.argmax(axis=1))"),
    ORDERED.replace('"price", "weight"', '"weight", "price"'),
    ORDERED.replace('other[["age", "price", "weight"]]', 'other[["age", "price", "weight"]].values'),
    ONE_UNIT.replace("Dense(1", "Dense(2"),
    ONE_UNIT.replace('pd.get_dummies(table["kind"])', "table.iloc[:, 3:]"),
    ONE_UNIT.replace('(table["kind"])', '(table["kind"], drop_first=True)'),
    TEXTS_THEMSELVES.replace("net.predict(x_test)", "net.predict(x_test_ids)"),
    TAKEN_OUT.replace(", inplace=True", ""),
    POPPED.replace('["price", "jar"]', '["jar"]'),
    POPPED.replace("axis=1)", 'axis=1, errors="ignore")'),
    POPPED.replace("table = table.drop", 'table["price"] = y * 2\ntable = table.drop'),
    POPPED.replace("table = table.drop", 'table.insert(0, "price", y)\ntable = table.drop'),
    RENAMED.replace('table["price"]', 'table["cost"]'),
    RENAMED.replace("table = table.rename", "other = table.rename"),
    ENCODED.replace('["flower", "jar"]', '["flower"]'),
    CHOSEN.replace("prise", "price"),
    CHOSEN.replace("y =", 'table.insert(0, "prise", 1)\ny ='),
    WITH_LABELS.replace("columns = table.shape[1]", "columns = table.shape[1] - 1"),
    WITH_LABELS.replace("drop(", "copy("),
    WITH_LABELS.replace('table.drop("price", axis=1)', 'pd.read_csv("other.csv").drop("price", axis=1)'),
    WITH_LABELS.replace("x =", 'table["sweet"] = table["age"] * 2\nx ='),
    COUNTED.replace("- 1)", "- 2)"),
    PREDICTED.replace("predict(test)", 'predict(pd.read_csv("other.csv"))'),
    PREDICTED.replace("predict(test)", "predict(test[x.columns])"),
    SCALED.replace("(test)", "(x_test)"),
    SUMMED.replace("zeros(len(table))", "zeros((len(table), 1))"),
    WEIGHED.replace("class_weight=weights", "class_weight=dict(zip(np.unique(y), weights))"),
    VALIDATED.replace("(x_test, y_test)", "(x_test_words, y_test)"),
    LABELS_OF_WORDS.replace("net.fit(x, y)", "net.fit(x, np.array(y))"),
    GUARDED,
    CHOSEN.replace('table["prise"]', 'table["price"]\nprint(getattr(table, "dtype", None), y.name, table.price)'),
    ONE_COLUMN,
    ALL_BUT_ONE,
]


@pytest.mark.parametrize("text", REPAIRED)
async def test_what_may_be_right_is_not_told(real: Host, text: str) -> None:
    await assert_silent(real, text)
