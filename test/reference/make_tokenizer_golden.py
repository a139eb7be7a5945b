"""Writes test/golden/tokenizer: a small vocabulary, and the token ids of hostile texts in it.

    make_tokenizer_golden.py MERGES

MERGES is CLIP's bpe_simple_vocab_16e6.txt (MIT licence, OpenAI).  Kept of it are the merges that the
texts below need and the 200 most frequent, in their order.
"""
import os
import sys

from clip_tokenizer import WORDS, Tokenizer, clean, read_merges

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "tokenizer")

TEXTS = [
    "Good photo.", "Bad photo.", "Sharp image.", "Blurry edges.", "High-resolution image.",
    "Noise-free image.", "a photo with perfect quality",
    "", " \t\r\n ", "\x1c\x1d photo \x1e\x1f", "a\x1cb", "a\u3000b\u2028c\u0085d\u00a0e",
    "It's we'll THEY'RE I'd i'm I've can't 'S 'LL 'x", "don\u2019t", "'\u017f and \u017fharp",
    "1234 \u0663\u0664 \u00bd\u2167 \U0001d7d9", "a1b2c3", "photo!!! ...'s (it's)",
    "<|startoftext|>", "x<|endoftext|>y", "!<|endoftext|>", "<|EndOfText|>", "<|\u017ftartoftext|>",
    "</w> a</w>", "\u00c4PFEL \u00d1and\u00da", "\u0130stanbul I\u0307", "\u039f\u0394\u039f\u03a3 \u03a3",
    "\u0391\u03a3.\u0391 \u0391.\u03a3 \u0391\u03a3\u0301 \u03a3\u0391 A\u03a3\u00ad", "\u01c5\u01c8 \u1e9e \ua7ae \U00010400",
    "a\u0345b \u0345", "e\u0301\u0302\u0303", "\u6f22\u5b57 \u304b\u306a \ud55c\uad6d\uc5b4",
    "\U0001f44d\U0001f3fd \U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f",
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u0939\u093f\u0928\u094d\u0926\u0940 \u0e44\u0e17\u0e22",
    "\x01\x02\x7f\x80\x9f", "\u200b\u2060\ufeff", "\ufffd\uffff\U0010ffff",
    "&amp;amp; &amp;lt;b&amp;gt; &lt &ltx; &ampere &notit; &notin; &nosuch; &", "&#65;&#x42;&#X43 &#68x",
    "&#0; &#x80; &#150; &#xD800; &#x110000; &#99999999999999999999; &#11; &#xFFFE; &#x; &#; &#13;",
    "&CounterClockwiseContourIntegral; &CounterClockwiseContourIntegralx; &nGt;&ThickSpace;&Tab;",
    "&\u00e9acute; &eacute\u00e9; &#\u0663;", "&amp;#x26;lt;",
    "a" * 80, "a b " * 40, "\U0001f44d" * 50, "ab" * 100, "aaaaaaaaaaaaaaaaaaaaa", "the thethe theatre",
]


def needed_merges(tokenizer):
    """All merges by which the texts' words came to be, intermediate ones included."""
    used = set()
    for text in TEXTS:
        for word in WORDS.findall(clean(text)):
            for length in range(1, len(word) + 1):
                for token in tokenizer.merge(word[:length]):
                    used.add(token)
    by_result = {}
    for merge in tokenizer.ranks:
        by_result.setdefault("".join(merge), merge)
    todo, merges = list(used), set()
    while todo:
        merge = by_result.get(todo.pop())
        if merge and merge not in merges:
            merges.add(merge)
            todo.extend(merge)
    return merges


def main():
    published = read_merges(sys.argv[1])
    wanted = needed_merges(Tokenizer(published)) | set(published[:200])
    merges = [merge for merge in published if merge in wanted]
    os.makedirs(GOLDEN, exist_ok=True)
    with open(os.path.join(GOLDEN, "merges.txt"), "w", encoding="utf-8") as file:
        file.write("#version: 0.2\n" + "".join("%s %s\n" % merge for merge in merges))
    tokenizer = Tokenizer(merges)
    with open(os.path.join(GOLDEN, "ids.txt"), "w", encoding="ascii") as file:
        file.write("# bytes of the text in hexadecimal, '-' for none: ids.  "
                   "Made by make_tokenizer_golden.py.\n")
        for text in TEXTS:
            file.write("%s: %s\n" % (text.encode("utf-8").hex() or "-",
                                     " ".join(map(str, tokenizer.encode(text)))))
    print("%d merges, %d texts" % (len(merges), len(TEXTS)))


if __name__ == "__main__":
    main()
