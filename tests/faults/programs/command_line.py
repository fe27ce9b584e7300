"""A script with a command line: which recurrent cell, how many units."""

import argparse

import numpy as np
from tensorflow.keras import Input, Model
from tensorflow.keras.layers import GRU, LSTM, Dense, Embedding

CELLS = {"lstm": LSTM, "gru": GRU}


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cell", choices=sorted(CELLS), default="gru")
    parser.add_argument("--units", type=int, default=24)
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--vocabulary", type=int, default=500)
    parser.add_argument("--epochs", type=int, default=1)
    return parser.parse_args()


def make_model(args):
    cell = CELLS[args.cell]
    tokens = Input(shape=(args.steps,), dtype="int32")
    x = Embedding(args.vocabulary, 32)(tokens)
    x = cell(args.units, return_sequences=True)(x)
    x = cell(args.units)(x)
    return Model(tokens, Dense(1, activation="sigmoid")(x))


def main():
    args = parse()
    texts = np.random.randint(0, args.vocabulary, size=(120, args.steps))
    liked = np.random.randint(0, 2, size=(120, 1)).astype("float32")
    model = make_model(args)
    model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["accuracy"])
    model.fit(texts, liked, epochs=args.epochs, batch_size=30)


if __name__ == "__main__":
    main()
