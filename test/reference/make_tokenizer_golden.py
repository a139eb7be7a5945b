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

# Compared too, but the small vocabulary is not chosen for them.
MORE_TEXTS = [
    # Flags, keycaps, a tag sequence, sequences of joiners that are whole and that break off.
    "\U0001f1e9\U0001f1ea\U0001f1eb", "1\ufe0f\u20e3#\ufe0f\u20e3 *\u20e3",
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "\U0001f9d1\U0001f3fb\u200d\u2764\ufe0f\u200d\U0001f48b\u200d\U0001f9d1\U0001f3ff",
    "\U0001f468\u200d \u200d\u200d\U0001f469 \ufe0f",
    # Combining marks: many, without a base, composed and decomposed; compatibility forms.
    "Z\u0351\u036b\u0343a\u0334\u0321l\u0308\u0304g\u0489o\u0338\u20dd", "\u0301\u0302 \u0303x",
    "\u00e9 e\u0301 \u1e09 c\u0327\u0301 \u212b \u2126 \u017f\u0307",
    "\ufb01 \ufb03 \uff21\uff42\uff11 \u2460 \u33a1 \u00b2 \u00bc",
    # CJK, Indic, Thai, Tibetan.
    "\u1112\u1161\u11ab \ud55c \u3131", "\u5b57\U000e0100 \U00020000\U0002a6d6 \u3007\u3005",
    "\uff76\uff9e\u30ac\u30ab\u3099",
    "\u0f40\u0fb5\u0f7c \u0915\u094d\u200d\u0937 \u0e01\u0e33\u0e48",
    # Invisible, private, not characters.
    "\u202eabc\u202c \u2066x\u2069 \u200e\u200f\u061c",
    "\u00ad\u034f\u180e\u2028\u2029\u2060\u3164\uffa0", "\ue000\uf8ff\U000f0000\U0010fffd",
    "\ufdd0\ufffe\U0001fffe", "\x07\x08\x0b\x0c\x0e\x1a\x1b[31m\x7f",
    "\u0085\u00a0\u1680\u2000\u200a\u202f\u205fa\u205f\u3000",
    # Case.
    "\U0001d400\U0001d7ce\U0001d6a8 \U00010330 \U00012000 \U0001e900\U0001e922",
    "\u0130\u0131 \u0149 \u01f0 \u1f50 \ufb06 \u00df\u1e9e", "\u0130" * 300,
    "\u03a3\u03a3\u03a3 a\u03a3 \u03a3. \u0391\u03a3'\u03a3 \u0391\u00ad\u03a3\u0345 1\u03a3",
    "\u10a0\u1c90\u13a0\uab70 \u01c4\u01c5\u01c6",
    # Entities, of entities too.
    "&#128077; &#x1F468;&#x200D;&#x1F469; &zwj;&zwnj;&shy; &hearts;&hearts &fjlig; &bne;",
    "&amp;#38;amp; &#38;#38; &lt;script&gt; &quot;&apos; &#39;s &rsquo;s",
    "'&#115; &#8217;T I&#39;LL", "&" * 70, "&amp" * 30,
    # Special tokens and punctuation.
    "<|startoftext|><|endoftext|><|startoftext|>", "<|endoftext|", "|><|",
    "....!!!!????''''\"\"\"\"----____", "a_b-c.d,e;f:g!h?i(j)k[l]m{n}o/p\\q|r",
    "0x1F 1e-5 3.14159 1,000,000", "x" * 2000,
]
LONG_TEXTS = [
    "\U0001f44d" * 2000, "\U0001f44d\U0001f3fd" * 1000, "\u6f22\u5b57" * 1000, "e\u0301" * 1000,
    "\x01\x02\x1f\x7f" * 500, "&amp;" * 400, "a\u0300\u0301\u0302\u0303" * 400, "\u200d" * 2000,
    "the quick brown fox " * 100, "\u0130" * 2000, "\u03a3" * 2000, " \t" * 1000, "'s" * 1000,
    "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 400, "1" * 2000, "&" * 2000, "&#x26;" * 333,
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
        for text in TEXTS + MORE_TEXTS:
            file.write("%s: %s\n" % (text.encode("utf-8").hex() or "-",
                                     " ".join(map(str, tokenizer.encode(text)))))
    print("%d merges, %d texts" % (len(merges), len(TEXTS + MORE_TEXTS)))


if __name__ == "__main__":
    main()
