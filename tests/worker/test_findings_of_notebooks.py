"""Faults of notebooks whose tables, texts and pictures are often not there: what is certain all the same."""

from __future__ import annotations

import sys

import pytest

from kls.host import Host
from tests.worker.faults import Fault, assert_silent, assert_told

pytest.importorskip("pandas")
pytest.importorskip("sklearn")

pytestmark = [
    pytest.mark.tf,
    pytest.mark.asyncio(loop_scope="module"),  # one worker serves them all, and belongs to its loop
    pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux"),
]

DIGITS = """
import keras
import pandas as pd
from keras.src.legacy.preprocessing.image import ImageDataGenerator
digits = pd.read_csv("digits.csv")
y = digits["label"].values
x = digits.drop("label", axis=1).values.reshape(-1, 28, 28, 1) / 255
net = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")])
net.compile("adam", "sparse_categorical_crossentropy")
flow = ImageDataGenerator(horizontal_flip=True).flow(x, y, batch_size=16)
net.fit(flow, epochs=3, workers=4)
"""
RATE_OF_A_CALLBACK = """
import keras
import pandas as pd
class Rates(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        print(float(self.model.optimizer.lr))
table = pd.read_csv("fraud.csv")
net = keras.Sequential([keras.layers.Dense(1, activation="sigmoid")])
net.compile("adam", "binary_crossentropy")
net.fit(table.drop("fraud", axis=1).values, table["fraud"].values, callbacks=[Rates()])
"""
WINDOWS_OF_ONE_COLUMN = """
import keras
import numpy as np
import pandas as pd
power = pd.read_csv("power.csv")[["load"]].values
x, y = [], []
for i in range(len(power) - 24):
    x.append(power[i:i + 24, 0])
    y.append(power[i + 24, 0])
x = np.array(x)
y = np.array(y)
net = keras.Sequential([keras.Input((x.shape[1], x.shape[2])), keras.layers.GRU(8), keras.layers.Dense(1)])
net.compile("adam", "mse")
net.fit(x, y)
"""
CLASSES_OF_FOLDERS = """
import keras
from keras.src.legacy.preprocessing.image import ImageDataGenerator
flow = ImageDataGenerator().flow_from_directory("flowers", target_size=(32, 32), class_mode="sparse")
net = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten(), keras.layers.Dense(5, activation="softmax")])
net.compile("adam", "categorical_crossentropy")
net.fit(flow)
"""
WORDS = """
import keras
import pandas as pd
from keras.src.legacy.preprocessing.text import Tokenizer
from keras.utils import pad_sequences
tweets = pd.read_csv("tweets.csv")
length = 40
tokens = Tokenizer(num_words=500)
tokens.fit_on_texts(tweets["text"])
x = pad_sequences(tokens.texts_to_sequences(tweets["text"]), maxlen=length, padding="post")
net = keras.Sequential([keras.layers.Embedding(500, 8), keras.layers.LSTM(8), keras.layers.Dense(1)])
net.compile("adam", "mse")
net.fit(x, tweets["target"].values)
def judge(text):
    found = tokens.texts_to_sequences([text])
    return net.predict(found)
judge("fire")
"""
BEST_MODEL = """
import keras
import numpy as np
def far(y, p):
    return keras.ops.mean(keras.ops.abs(y - p))
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
net.compile("adam", far)
best = keras.callbacks.ModelCheckpoint("best.keras", save_best_only=True)
net.fit(np.zeros((8, 4)), np.zeros((8, 1)), validation_split=0.5, callbacks=[best])
net = keras.models.load_model("best.keras")
"""
NAMED_FILE = """
import keras
import numpy as np
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
net.compile("adam", "mse")
best = keras.callbacks.ModelCheckpoint("best.hdf5", save_weights_only=True)
net.fit(np.zeros((8, 4)), np.zeros((8, 1)), callbacks=[best])
net.load_weights("best.hdf5")
"""
KEYS_PUT_TOGETHER = """
import keras
import numpy as np
columns = ["shop", "kind"]
def parts(table):
    return {column + "_id": table[column] for column in columns}
inputs = [keras.Input((1,), name=f"{column}_in") for column in columns]
net = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Concatenate()(inputs)))
net.compile("adam", "mse")
net.fit(parts({column: np.zeros((8, 1)) for column in columns}), np.zeros((8, 1)))
"""
COLUMNS_OF_WORDS = """
import keras
import pandas as pd
from sklearn.model_selection import train_test_split
houses = pd.DataFrame({"rooms": [1, 2, 3, 4] * 9, "town": ["a", "b", "c", "b"] * 9, "price": [1.5, 2.5, 3.5, 4.5] * 9})
x = houses.drop(columns="price").values
y = houses["price"].values
x_train, x_test, y_train, y_test = train_test_split(x, y)
net = keras.Sequential([keras.Input((x.shape[1],)), keras.layers.Dense(1)])
net.compile("adam", "mse")
net.fit(x_train, y_train, validation_data=(x_test, y_test))
"""
TABLE = """
import numpy as np
import pandas as pd
from tensorflow import keras
wine = pd.DataFrame({"id": [1, 2, 3], "acid": [0.5, 0.25, 0.75], "grade": [3, 4, 3]})
"""
DROPPED_TWICE = f"""{TABLE}
wine = wine.drop("id", axis=1)
x = wine.drop(["grade", "id"], axis=1)
"""
LABELS_BEHIND = f"""{TABLE}
wine.drop("grade", axis=1, inplace=True)
y = wine["grade"].values
"""
AMONG_THE_ROWS = f"""{TABLE}
wine = wine.drop("id")
"""

METRICS_THIRD = """
import keras
import numpy as np
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
net.compile("adam", "mse", ["mae"])
net.fit(np.zeros((8, 4)), np.zeros(8))
"""
PARTS_OF_ONE = """
import keras
import pandas as pd
from sklearn.model_selection import train_test_split
houses = pd.read_csv("houses.csv")
x = houses.drop("price", axis=1).values
y = houses["price"].values
x_train, y_train, x_test, y_test = train_test_split(x, y, test_size=0.2)
net = keras.Sequential([keras.Input((x.shape[1],)), keras.layers.Dense(1)])
net.compile("adam", "mse")
net.fit(x_train, y_train)
net.evaluate(x_test, y_test)
"""
PICTURES_OF_A_TABLE = """
import keras
import pandas as pd
from keras.src.legacy.preprocessing.image import ImageDataGenerator
from sklearn.model_selection import train_test_split
eyes = pd.DataFrame({"file": [f"{i}.png" for i in range(30)], "stage": [i % 5 for i in range(30)]})
train, held = train_test_split(eyes, test_size=0.2)
flow = ImageDataGenerator().flow_from_dataframe(train, "pictures", x_col="file", y_col="stage", target_size=(16, 16))
net = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(5, activation="softmax")])
net.compile("adam", "categorical_crossentropy")
net.fit(flow)
"""
VECTORS_OF_WORDS = """
import keras
import numpy as np
import pandas as pd
from keras.src.legacy.preprocessing.text import Tokenizer
from keras.utils import pad_sequences
length, tokens = 100, Tokenizer()
texts = pd.read_csv("texts.csv")
tokens.fit_on_texts(texts["text"])
words, size = len(tokens.word_index) + 1, 50
vectors = np.zeros((words, size))
x = pad_sequences(tokens.texts_to_sequences(texts["text"]), maxlen=length)
net = keras.Sequential([keras.Input((length,))])
net.add(keras.layers.Embedding(words, 100, weights=[vectors]))
net.add(keras.layers.GlobalMaxPooling1D())
net.add(keras.layers.Dense(1))
net.compile("adam", "mse")
net.fit(x, texts["label"])
"""
WORDS_OF_TWO_TABLES = """
import keras
import pandas as pd
from sklearn.preprocessing import StandardScaler
train = pd.DataFrame({"size": [1, 2, 3, 4], "shop": ["a", "b", "c", "a"]})
sales = pd.Series([1.5, 2.5, 3.5, 4.5])
test = pd.DataFrame({"size": [1, 2], "shop": ["a", "b"]})
train = pd.get_dummies(train, dtype=float)
test = pd.get_dummies(test, dtype=float)
net = keras.Sequential([keras.Input((train.shape[1],)), keras.layers.Dense(1)])
net.compile("adam", "mse")
net.fit(train, sales)
net.predict(StandardScaler().fit_transform(test))
"""

LOSS_CALLED_IN_PART = """
import keras
import numpy as np
def quantile(q, y_true, y_pred):
    error = y_true - y_pred
    return keras.ops.mean(keras.ops.maximum(q * error, (q - 1) * error))
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
net.compile("adam", loss=quantile(0.9))
net.fit(np.zeros((8, 4)), np.zeros((8, 1)))
"""
FOLDS_OF_ROWS = """
import keras
import numpy as np
from sklearn.model_selection import StratifiedKFold
x, y = np.random.rand(30, 4), keras.utils.to_categorical(np.arange(30) % 3)
for fold, (train, held) in enumerate(StratifiedKFold(3).split(x, y)):
    net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    net.compile("adam", "categorical_crossentropy")
    net.fit(x[train], y[train])
"""
NO_STEPS_TO_DECODE = """
import keras
import numpy as np
past, ahead = 24, 6
x, y = np.random.rand(40, past, 3), np.random.rand(40, ahead, 1)
net = keras.Sequential()
net.add(keras.Input((past, 3)))
net.add(keras.layers.LSTM(8))
net.add(keras.layers.LSTM(8, return_sequences=True))
net.add(keras.layers.Dense(1))
net.compile("adam", "mse")
net.fit(x, y)
"""
SCORES_IN_A_COLUMN = """
import keras
import numpy as np
import pandas as pd
table = pd.DataFrame({"id": np.arange(20)})
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
scores = net.predict(np.random.rand(20, 4))
table["kind"] = scores
"""
SCORES_OF_A_TABLE = SCORES_IN_A_COLUMN.replace('table["kind"] = scores', 'pd.DataFrame({"kind": scores})')
JOINED_INPUTS = """
import keras
import numpy as np
a, b = keras.Input((4,)), keras.Input((4,))
net = keras.Model([a, b], keras.layers.Dense(1)(keras.layers.concatenate([a, b])))
one, two = np.zeros((8, 4)), np.zeros((8, 4))
net.predict(np.concatenate([one, two], axis=1))
"""

WEIGHTS_BY_PLACE = """
import keras
import numpy as np
import pandas as pd
from sklearn.utils.class_weight import compute_class_weight
table = pd.read_csv("fraud.csv")
labels = table["fraud"].values
weights = compute_class_weight("balanced", np.unique(labels), labels)
net = keras.Sequential([keras.layers.Dense(1, activation="sigmoid")])
net.compile("adam", "binary_crossentropy")
net.fit(table.drop("fraud", axis=1).values, labels, class_weight=dict(enumerate(weights)))
"""
TABLE_RESHAPED = """
import keras
import pandas as pd
digits = pd.read_csv("digits.csv")
x = digits.drop("label", axis=1) / 255
x = x.reshape(-1, 28, 28, 1)
net = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
net.predict(x)
"""
TABLE_RESHAPED_TOO = TABLE_RESHAPED.replace(
    'read_csv("digits.csv")', 'DataFrame({"label": [1]} | {str(i): [i] for i in range(784)})'
)
MOVED_TO_TENSORFLOW = """
import keras
from keras.preprocessing.image import ImageDataGenerator
flow = ImageDataGenerator(rescale=1 / 255).flow_from_directory("flowers", target_size=(32, 32))
"""

FAULTS = [
    Fault(WEIGHTS_BY_PLACE, "compute_class_weight(", "Give them by their names: `class_weight`, `classes`, `y`"),
    Fault(TABLE_RESHAPED, "x.reshape", "Take its values: `x.values`"),
    Fault(TABLE_RESHAPED_TOO, "x.reshape", "Take its values: `x.values`"),
    Fault(MOVED_TO_TENSORFLOW, "ImageDataGenerator", "Import from `tensorflow.keras.preprocessing.image`"),
    Fault(
        LOSS_CALLED_IN_PART,
        "net.compile",
        "Give the function: `lambda y_true, y_pred: quantile(0.9, y_true=y_true, y_pred=y_pred)`",
    ),
    Fault(FOLDS_OF_ROWS, "for fold", "Give class numbers: `y.argmax(axis=1)`"),
    Fault(NO_STEPS_TO_DECODE, "return_sequences", "Add `RepeatVector(ahead)` before LSTM"),
    Fault(SCORES_IN_A_COLUMN, "scores", "Give one value for each row: `scores.argmax(axis=1)`"),
    Fault(SCORES_OF_A_TABLE, "scores", "Give one value for each row: `scores.argmax(axis=1)`"),
    Fault(SCORES_OF_A_TABLE.replace("Dense(3,", "Dense(1,"), "scores", "Give one value for each row: `scores.ravel()`"),
    Fault(JOINED_INPUTS, "np.concatenate", "Give the arrays one by one: `[one, two]`"),
    Fault(METRICS_THIRD, "net.compile", "Name them: `metrics=`"),
    Fault(PARTS_OF_ONE, "x_train, y_train", "Name the parts in the order in which they come"),
    Fault(PICTURES_OF_A_TABLE, "flow = ", 'Make words of the classes: `eyes["stage"].astype(str)`'),
    Fault(VECTORS_OF_WORDS, "Embedding", "Make the layer as the table: `size`"),
    Fault(
        WORDS_OF_TWO_TABLES,
        "test = pd.get",
        "Give `test` the columns of `train`: `test = test.reindex(columns=train.columns, fill_value=0)`",
    ),
    Fault(DIGITS, "workers=4", "Leave out `workers`"),
    Fault(RATE_OF_A_CALLBACK, "optimizer.lr", "Use `learning_rate`"),
    Fault(WINDOWS_OF_ONE_COLUMN, "x = np", "Give `x` another axis: `x.reshape(x.shape[0], x.shape[1], 1)`"),
    Fault(CLASSES_OF_FOLDERS, "flow = ", 'Read labels of class_mode="categorical"'),
    Fault(WORDS, "predict(found)", "Pad `found` as others are padded"),
    Fault(WORDS.replace('read_csv("tweets.csv")', 'DataFrame({"text": ["a b", "c a d"] * 9, "target": [0, 1] * 9})'),
          "predict(found)", "Pad `found` as others are padded"),
    Fault(BEST_MODEL, "load_model", "Tell Keras of `far`: `custom_objects`"),
    Fault(NAMED_FILE, "best = ", 'Change `"best.hdf5"` to `"best.weights.h5"`'),
    Fault(KEYS_PUT_TOGETHER, '"_id"', 'Change "_id" to "_in"'),
    Fault(KEYS_PUT_TOGETHER.replace('column + "_id"', 'f"{column}_id"'), "_id", 'Change "_id" to "_in"'),
    Fault(COLUMNS_OF_WORDS, "x = houses", "Make a column of 0 and 1 of each word in `x`"),
    Fault(DROPPED_TWICE, '"grade", "id"', 'Leave out `"id"`'),
    Fault(LABELS_BEHIND, "y = wine", "Do it before `'grade'` is taken out"),
    Fault(AMONG_THE_ROWS, "wine.drop", "Set `axis=1`"),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.title)
async def test_the_first_repair_is_the_one_that_is_meant(real: Host, fault: Fault) -> None:
    await assert_told(real, fault, best=True)


OWN_SPLIT = PARTS_OF_ONE.replace(
    "from sklearn.model_selection import train_test_split",
    "def train_test_split(x, y, test_size):\n    return x[:80], y[:80], x[80:], y[80:]",
)
NO_FOLDER = """
import os
import pandas as pd
from keras.src.legacy.preprocessing.image import ImageDataGenerator
files = []
for folder, _, names in os.walk("absent"):
    for name in names:
        files.append(os.path.join(folder, name))
table = pd.DataFrame({"filename": files, "class": [name.split("/")[1] for name in files]})
ImageDataGenerator().flow_from_dataframe(table, class_mode="binary")
"""
REPAIRED = [
    NO_FOLDER,
    NO_FOLDER.replace("= []", "= os.listdir('absent')"),
    WEIGHTS_BY_PLACE.replace(
        '"balanced", np.unique(labels), labels', 'class_weight="balanced", classes=np.unique(labels), y=labels'
    ),
    TABLE_RESHAPED.replace("x.reshape", "x.to_numpy().reshape"),
    LOSS_CALLED_IN_PART.replace("quantile(0.9)", "lambda y, p: quantile(0.9, y, p)"),
    LOSS_CALLED_IN_PART.replace("    error", "    return lambda y_true, y_pred: y_true - y_pred\n    error", 1).replace(
        "(q, y_true, y_pred)", "(q)"
    ),
    FOLDS_OF_ROWS.replace("split(x, y)", "split(x, np.arange(30) % 3)"),
    SCORES_IN_A_COLUMN.replace("= scores", "= scores.max(axis=1)"),
    SCORES_IN_A_COLUMN.replace("Dense(3,", "Dense(1,"),
    JOINED_INPUTS.replace("np.concatenate([one, two], axis=1)", "[one, two]"),
    OWN_SPLIT,
    METRICS_THIRD.replace('["mae"]', 'metrics=["mae"]'),
    METRICS_THIRD.replace('["mae"]', "[2.0]"),
    PARTS_OF_ONE.replace("y_train, x_test", "x_test, y_train"),
    PARTS_OF_ONE.replace("y_train, x_test", "x_test, y_train").replace("x_test, y_test)", "x_train, y_train)"),
    PICTURES_OF_A_TABLE.replace("i % 5 for", "str(i % 5) for"),
    PICTURES_OF_A_TABLE.replace('"stage",', '"stage", class_mode="raw",').replace("categorical", "sparse_categorical"),
    VECTORS_OF_WORDS.replace("words, 100,", "words, 50,"),
    WORDS_OF_TWO_TABLES.replace('["a", "b"]', '["c", "b"]')
    .replace("[1, 2]", "[1, 2, 3]")
    .replace('["c", "b"]', '["a", "b", "c"]'),
    DIGITS.replace(", workers=4", ""),
    RATE_OF_A_CALLBACK.replace(".lr", ".learning_rate"),
    WINDOWS_OF_ONE_COLUMN.replace("np.array(x)", "np.array(x)[..., None]"),
    CLASSES_OF_FOLDERS.replace('"sparse"', '"categorical"'),
    CLASSES_OF_FOLDERS.replace('"categorical_', '"sparse_categorical_'),
    WORDS.replace("([text])", "([text])\n    found = pad_sequences(found, maxlen=length)"),
    BEST_MODEL.replace('"best.keras")\n', '"best.keras", custom_objects={"far": far})\n'),
    BEST_MODEL.replace('"best.keras",', '"best-{epoch}.keras",'),
    KEYS_PUT_TOGETHER.replace("_id", "_in"),
    COLUMNS_OF_WORDS.replace(".values", ".select_dtypes('number').values", 1),
]
UNCERTAIN = [
    """
import os
if os.environ.get("TRAINING"):
    wine = wine.drop("id", axis=1)
else:
    wine = wine.drop("id", axis=1)
""",
    """
wine = wine.merge(pd.read_csv("more.csv"), on="id")
y = wine["colour"]
""",
    """
try:
    y = wine["colour"]
except KeyError:
    y = wine["grade"]
""",
    """
more = pd.read_csv("more.csv")
for name in more.columns:
    wine[name] = more[name]
y = wine["colour"]
""",
    """
def add(rows):
    rows["colour"] = open("colours.txt").read()
add(wine)
y = wine["colour"]
""",
    """
wine["vintage"] = np.random.choice(["old", "new"], 3)
wine = pd.get_dummies(wine)
y = wine["vintage_new"]
""",
    """
wine.assign(colour=1).to_csv("wine.csv")
wine = pd.read_csv("wine.csv")
y = wine["colour"]
""",
]
"""Where a real run may come to other columns."""


@pytest.mark.parametrize("text", [*REPAIRED, *(TABLE + more for more in UNCERTAIN)])
async def test_what_fits_or_is_not_known_is_not_told(real: Host, text: str) -> None:
    await assert_silent(real, text)
