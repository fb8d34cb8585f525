"""Images and speech as text: patches and units of sound are characters of their own, so that one vocabulary holds all.

    python benchmarks/senses.py FOLDER      writes what examples/pathways.toml learns from

Tasks, a folder each: `continue` (speeches of tiny Shakespeare), `name` and `draw` (handwritten digits of scikit-learn,
an image before its name and a name before its image), `translate` (verses of Genesis, French to Portuguese), `hear` and
`say` (digits spoken by espeak-ng in many voices), and `write-down` (short sentences so spoken). A fifth of the images,
every tenth verse, and all of two voices are held out. Needs scikit-learn, espeak-ng and the shared data.
"""

from __future__ import annotations

import json
import subprocess
import sys
import wave
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from characters import TEXT
from numpy.typing import NDArray
from translation import SHARED, verses

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
FIRST_PATCH, FIRST_UNIT = 0xE000, 0xE400
"""Characters for private use: what they mean is agreed here."""
PATCHES, UNITS = 64, 100
RATE, HOP, FRAME, BANDS = 16_000, 320, 400, 40
"""Samples a second, between frames and in a frame (25 ms every 20), and bands of the mel scale."""
VOICES = tuple(
    f"{accent}+{kind}" for accent in ("en-gb", "en-us") for kind in ("m1", "m3", "m5", "m7", "f1", "f3", "f5")
)
HELD_OUT_VOICES = ("en-gb+m4", "en-us+f2")
SPEEDS, PITCHES = (140, 175, 210), (40, 60)
SENTENCES = 120
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Item:
    """One exercise of a task: the model reads the prompt and should go on with the answer. A space between them is the
    answer's, for tokens hold the space before them."""

    task: str
    prompt: str
    answer: str

    @property
    def text(self) -> str:
        return self.prompt + self.answer


@dataclass(frozen=True)
class Senses:
    """All exercises to learn from and held out, and the pixels [64, 4] that each patch stands for."""

    learned: list[Item]
    held_out: list[Item]
    patches: Floats


def senses() -> Senses:
    """Every task; the same exercises each time."""
    images_learned, images_held_out, patches = images()
    spoken_learned, spoken_held_out = speech()
    pairs = [Item("translate", f"{source}\n", target) for source, target in verses(SHARED / "text" / "genesis.zip")]
    speeches = [Item("continue", "", each) for each in TEXT.read_text().split("\n\n") if len(each) > 60]
    tenths = [[each for number, each in enumerate(pairs) if (number % 10 == 9) == held] for held in (False, True)]
    end = len(speeches) * 9 // 10
    return Senses(
        learned=[*speeches[:end], *images_learned, *tenths[0], *spoken_learned],
        held_out=[*speeches[end:], *images_held_out, *tenths[1], *spoken_held_out],
        patches=patches,
    )


def images() -> tuple[list[Item], list[Item], Floats]:
    """Digits of 8 x 8 pixels as 4 x 4 patches, each the nearest of 64 that k-means finds in those to learn from."""
    from sklearn.cluster import KMeans
    from sklearn.datasets import load_digits

    digits = load_digits()
    end = len(digits.images) * 4 // 5  # those who wrote the last fifth wrote none before
    cut = digits.images.reshape(-1, 4, 2, 4, 2).transpose(0, 1, 3, 2, 4).reshape(-1, 16, 4)
    found = KMeans(PATCHES, n_init=1, random_state=0).fit(cut[:end].reshape(-1, 4))
    codes = found.predict(cut.reshape(-1, 4)).reshape(-1, 16)
    items = [
        [
            Item("name", f"{picture} is", f" {WORDS[label]}"),
            Item("draw", f"{WORDS[label]} looks like", f" {picture}"),
        ]
        for picture, label in zip(map(as_picture, codes), digits.target, strict=True)
    ]
    flat = [[item for pair in part for item in pair] for part in (items[:end], items[end:])]
    return flat[0], flat[1], found.cluster_centers_


def as_picture(codes: NDArray[np.integer]) -> str:
    """16 characters, row by row."""
    return "".join(chr(FIRST_PATCH + int(code)) for code in codes)


def pixels(picture: str, patches: Floats) -> Floats | None:
    """[8, 8], or None where that is no picture."""
    codes = [ord(character) - FIRST_PATCH for character in picture]
    if len(codes) != 16 or min(codes) < 0 or max(codes) >= PATCHES:
        return None
    return patches[codes].reshape(4, 4, 2, 2).transpose(0, 2, 1, 3).reshape(8, 8)


def speech() -> tuple[list[Item], list[Item]]:
    """Digits and short sentences as units of sound, repeated ones once; the voices held out were never heard."""
    from sklearn.cluster import MiniBatchKMeans

    lines = short_verses()[:SENTENCES]
    jobs = [
        (voice, speed, pitch, word)
        for voice in (*VOICES, *HELD_OUT_VOICES)
        for speed in SPEEDS
        for pitch in PITCHES
        for word in WORDS
    ]
    jobs += [(voice, 175, 50, line) for number, line in enumerate(lines) for voice in _readers(number)]
    with ThreadPoolExecutor(2) as pool:
        sounds = list(pool.map(lambda job: log_mel(spoken(*job)), jobs))
    known = [sound for job, sound in zip(jobs, sounds, strict=True) if job[0] in VOICES]
    found = MiniBatchKMeans(UNITS, n_init=1, random_state=0).fit(np.concatenate(known))
    parts: tuple[list[Item], list[Item]] = ([], [])
    for (voice, _, _, text), sound in zip(jobs, sounds, strict=True):
        units = as_sound(found.predict(sound))
        own = parts[voice in HELD_OUT_VOICES]
        if text in WORDS:
            own += [Item("hear", f"{units} says", f" {text}"), Item("say", f"{text} sounds like", f" {units}")]
        else:
            own.append(Item("write-down", f"{units} says", f" {text}"))
    return parts


def _readers(number: int) -> list[str]:
    """Who reads a sentence: voices that are learned from, or for every sixth sentence one of those held out."""
    if number % 6 == 5:
        return [HELD_OUT_VOICES[number // 6 % 2]]
    return [VOICES[(number + step) % len(VOICES)] for step in (0, 5)]


def short_verses() -> list[str]:
    """Lines of the English Genesis of 4 to 8 words."""
    with zipfile.ZipFile(SHARED / "text" / "genesis.zip") as opened:
        lines = opened.read("genesis/english-web.txt").decode("latin-1").split("\n")
    return [line.strip() for line in lines if 4 <= len(line.split()) <= 8]


def spoken(voice: str, speed: int, pitch: int, text: str) -> Floats:
    """Samples at 16,000 a second."""
    command = ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "--stdout", text]
    sound = subprocess.run(command, capture_output=True, check=True).stdout
    with wave.open(BytesIO(sound)) as opened:
        rate, data = opened.getframerate(), opened.readframes(2**31 - 1)
    samples = np.frombuffer(data, "<i2").astype(float) / 2**15
    places = np.arange(0, len(samples) - 1, rate / RATE)
    return np.interp(places, np.arange(len(samples)), samples)


def log_mel(samples: Floats) -> Floats:
    """[frames, bands]: the logarithm of the energy in bands that lie evenly on the mel scale (Davis and Mermelstein
    1980), less the mean of the whole sound, so that a loud voice is no other sound."""
    padded = np.pad(samples, (0, max(FRAME - len(samples), 0)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP] * np.hanning(FRAME)
    power = np.abs(np.fft.rfft(frames, 512)) ** 2
    energies = np.log(power @ mel_bands().T + 1e-8)
    return energies - energies.mean(0)


def mel_bands() -> Floats:
    """[bands, 257]: triangles, each from the middle of the one before to that of the one behind."""
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), BANDS + 2) / 2595) - 1)
    frequencies = np.fft.rfftfreq(512, 1 / RATE)
    left, middle, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (frequencies - left) / (middle - left), (right - frequencies) / (right - middle)
    return np.maximum(np.minimum(rising, falling), 0)


def as_sound(units: NDArray[np.integer]) -> str:
    """A character for each unit that differs from the one before (as in Lakhotia et al. 2021, section 3.1)."""
    changed = np.append(True, units[1:] != units[:-1])
    return "".join(chr(FIRST_UNIT + int(unit)) for unit in units[changed])


def main() -> None:
    folder, made = Path(sys.argv[1]), senses()
    for task in sorted({item.task for item in made.learned}):
        own = folder / task
        own.mkdir(parents=True, exist_ok=True)
        lines = [
            json.dumps({"id": f"{task} {number}", "text": item.text}, ensure_ascii=False)
            for number, item in enumerate(item for item in made.learned if item.task == task)
        ]
        (own / "exercises.jsonl").write_text("\n".join(lines) + "\n")
        print(f"{task}: {len(lines):,} exercises")


if __name__ == "__main__":
    main()
