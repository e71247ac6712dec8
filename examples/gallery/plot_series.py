"""
How far ahead can a time series be predicted?
=============================================

A network predicts the next six hours of a demand for power at once, from the last 24 hours of the demand and of the
temperature. It is compared to a linear model and to the last value.
"""

# %%
# The demand rises with the distance of the temperature from 18 degrees, which is felt six hours later.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import DNNRegressor, Flatten, Window

rng = np.random.default_rng(0)
hours = np.arange(2400)
day = np.sin(2 * np.pi * hours / 24)
weather = np.zeros(2400)
for hour in range(1, 2400):
    weather[hour] = 0.95 * weather[hour - 1] + rng.normal(0, 2)
temperature = 18 + 3 * day + weather
demand = 50 + 0.002 * hours + 5 * day + 2 * np.abs(np.roll(temperature, 6) - 18) + rng.normal(0, 1, 2400)

# %%
# Rows of 24 hours, and the six hours after them as y. The last 480 rows are the test, and the five before them are left
# out, since they know hours of it. Early stopping looks at the last tenth of the training rows.

X, y = Window(n_steps=24, horizon=range(1, 7)).make_X_y(np.column_stack([demand, temperature]))
y = y[:, :, 0]
network = DNNRegressor(dropout=0, validation_rows="last", random_state=0)
forecasts = {"last value": np.repeat(X[-480:, -1:, 0], 6, axis=1)}
for name, model in {"linear model": RidgeCV(), "network": network}.items():
    reg = make_pipeline(Flatten(), StandardScaler(), model).fit(X[:-485], y[:-485])
    forecasts[name] = reg.predict(X[-480:])

# %%
# The mean error by the hour ahead, and what was predicted six hours before, for five days.

figure, (left, right) = plt.subplots(
    1, 2, figsize=(11, 3.8), layout="constrained", gridspec_kw={"width_ratios": [1, 2]}
)
for name, forecast in forecasts.items():
    left.plot(range(1, 7), np.abs(forecast - y[-480:]).mean(axis=0), "o-", label=name)
left.set(xlabel="hours ahead", ylabel="mean absolute error", ylim=(0, None))
left.legend()
right.plot(y[-120:, 5], color="0.6", linewidth=3, label="demand")
for name, color in {"linear model": "C1", "network": "C2"}.items():
    right.plot(forecasts[name][-120:, 5], color, label=f"{name}, six hours before")
right.set(xlabel="hour", ylabel="demand", ylim=(48, 85))
right.legend(loc="upper center", ncols=3)
plt.show()

# %%
# The errors of the last value and of the linear model grow with the hours ahead: the demand rises where the temperature
# falls below 18 degrees as well as where it rises above, which no linear model can tell. The network is off by about 2
# in each of the six hours.
