"""Sequence to sequence: an encoder gives its state to a decoder."""

import numpy as np
from tensorflow.keras.layers import LSTM, Dense, Input
from tensorflow.keras.models import Model

num_encoder_tokens = 40
num_decoder_tokens = 55
latent_dim = 32
samples, longest_in, longest_out = 60, 12, 14

encoder_data = np.zeros((samples, longest_in, num_encoder_tokens), dtype="float32")
decoder_data = np.zeros((samples, longest_out, num_decoder_tokens), dtype="float32")
target_data = np.zeros((samples, longest_out, num_decoder_tokens), dtype="float32")
encoder_data[:, :, 0] = 1.0
decoder_data[:, :, 1] = 1.0
target_data[:, :, 2] = 1.0

encoder_inputs = Input(shape=(None, num_encoder_tokens))
encoder = LSTM(latent_dim, return_state=True)
encoder_outputs, state_h, state_c = encoder(encoder_inputs)
states = [state_h, state_c]

decoder_inputs = Input(shape=(None, num_decoder_tokens))
decoder_lstm = LSTM(latent_dim, return_sequences=True, return_state=True)
decoder_outputs, _, _ = decoder_lstm(decoder_inputs, initial_state=states)
decoder_outputs = Dense(num_decoder_tokens, activation="softmax")(decoder_outputs)

model = Model([encoder_inputs, decoder_inputs], decoder_outputs)
model.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
model.fit([encoder_data, decoder_data], target_data, batch_size=20, epochs=1, validation_split=0.2)
