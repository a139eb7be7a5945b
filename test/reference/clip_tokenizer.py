"""CLIP's byte-level byte-pair encoding as published, without ftfy: what the library must compute.

Needs the `regex` module (Debian: python3-regex), whose dialect the published expression is in.
"""
import html

import regex

WORDS = regex.compile(
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+",
    regex.IGNORECASE)
SPECIALS = ("<|startoftext|>", "<|endoftext|>")


def visible_bytes():
    """GPT-2's character for each byte, in the order of the vocabulary."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    characters = {byte: chr(byte) for byte in plain}
    for byte in range(256):
        if byte not in characters:
            characters[byte] = chr(256 + len(characters) - len(plain))
    return characters


def clean(text):
    text = html.unescape(html.unescape(text)).strip()
    return regex.sub(r"\s+", " ", text).strip().lower()


class Tokenizer:
    def __init__(self, merges):
        """`merges`: pairs of strings, the most frequent first."""
        self.bytes = visible_bytes()
        tokens = list(self.bytes.values())
        tokens += [token + "</w>" for token in tokens]
        tokens += ["".join(merge) for merge in merges]
        tokens += SPECIALS
        self.tokens = tokens
        self.ids = {token: index for index, token in enumerate(tokens)}
        self.ranks = {merge: rank for rank, merge in enumerate(merges)}

    def merge(self, word):
        if word in SPECIALS:
            return [word]
        symbols = [self.bytes[byte] for byte in word.encode("utf-8")]
        symbols[-1] += "</w>"
        while len(symbols) > 1:
            pair = min(zip(symbols, symbols[1:]), key=lambda p: self.ranks.get(p, 1 << 30))
            if pair not in self.ranks:
                break
            merged = []
            for symbol in symbols:
                # The symbol before was of this text, and not one that was just merged.
                if merged and merged[-1] == (pair[0], False) and symbol == pair[1]:
                    merged[-1] = (pair[0] + pair[1], True)
                else:
                    merged.append((symbol, False))
            symbols = [symbol for symbol, _ in merged]
        return symbols

    def encode(self, text):
        ids = [self.ids[token] for word in WORDS.findall(clean(text)) for token in self.merge(word)]
        return [self.ids[SPECIALS[0]], *ids, self.ids[SPECIALS[1]]]


def read_merges(path, count=48894):
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")[1:count + 1]
    return [tuple(line.split()) for line in lines]
