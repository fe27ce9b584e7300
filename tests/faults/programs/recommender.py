"""Users and films as vectors, their product is the rating."""

import numpy as np
from keras.layers import Concatenate, Dense, Dot, Dropout, Embedding, Flatten, Input
from keras.models import Model
from keras.optimizers import Adam

n_users, n_movies, n_factors = 70, 90, 12
user_ids = np.random.randint(0, n_users, 400)
movie_ids = np.random.randint(0, n_movies, 400)
ratings = np.random.uniform(1, 5, 400)

user = Input(shape=(1,), name="user")
movie = Input(shape=(1,), name="movie")
u = Flatten()(Embedding(n_users, n_factors)(user))
m = Flatten()(Embedding(n_movies, n_factors)(movie))
product = Dot(axes=1)([u, m])
both = Concatenate()([u, m, product])
x = Dense(16, activation="relu")(both)
x = Dropout(0.2)(x)
rating = Dense(1)(x)
model = Model(inputs=[user, movie], outputs=rating)
model.compile(loss="mean_squared_error", optimizer=Adam(learning_rate=0.01))
model.fit(x=[user_ids, movie_ids], y=ratings, batch_size=40, epochs=1, verbose=0)
print(model.predict([user_ids[:3], movie_ids[:3]]))
