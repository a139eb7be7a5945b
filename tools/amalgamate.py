#!/usr/bin/env python3
"""Writes the library as one file: qualiclip.c beside its header, for programs without a build system.

    tools/amalgamate.py DIRECTORY PART="FILE ..." ...

A part is what a build can do without, such as FILES or TEXT, and its sources (by way of `make
amalgamation`).

Sources follow each other, each between #line marks.  What was private to a file is so no more: names
that two of them have get a number, by macros that end with the file.  Headers come first, once, but
for those that have a name in common: they are repeated in each file that includes them.  Without the built-in model, image files and OpenBLAS.
"""
import re
import shutil
import sys
from pathlib import Path

LEFT_OUT = {"gemm_openblas.c", "codec_png.c", "codec_jpeg.c", "builtin_data.S"}
KEYWORDS = set("float double void char int bool true false const static inline struct unsigned long size_t".split())

TOP = """\
/*
 * qualiclip.c - libqualiclip in one file; made by `make amalgamation`, not to be edited.
 *
 *     cc -O3 -c qualiclip.c            (with -std=c11 it gives the same bits as the library)
 *
 * All but the built-in model, image files and OpenBLAS; the program links with -lm.
 *     -DQUALICLIP_THREADS   with threads of its own (-pthread)
 *     -DQUALICLIP_CORE      without heap, files and texts: docs/embedding.md
 */
#ifndef QUALICLIP_CORE
#  define QUALICLIP_HEAP 1
#  define QUALICLIP_FILES 1
#  define QUALICLIP_TEXT 1
#endif
#ifndef _DEFAULT_SOURCE
#  define _DEFAULT_SOURCE
#endif
#include "qualiclip.h"
"""


def find(name, user):
    for folder in (user.parent, Path("lib"), Path("kernels"), Path("include")):
        if (folder / name).exists():
            return folder / name
    sys.exit(f"{user}: {name} was not found")


def includes(text):
    return re.findall(r'^[ \t]*#[ \t]*include "([^"]*)"', text, re.M)


def is_header(path):
    """With a guard: without, it is a template that may be included more than once."""
    return path.suffix == ".h" and re.search(r"#ifndef (\w+_H)\n#define \1", path.read_text())


def cpu_of(path):
    """The macro of compiler.h that a kernel's file is for; None: every CPU."""
    return {"x86": "QUALICLIP_X86", "arm": "QUALICLIP_AARCH64"}.get(path.parent.name)


def for_cpu(path, text):
    return f"#if {cpu_of(path)}\n{text}\n#endif" if text and cpu_of(path) else text


def declarations(text):
    """What stands at the outermost level, bodies of functions left out."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    text = re.sub(r'"(\\.|[^"\\])*"|\'(\\.|[^\'\\])+\'', '""', text)
    text = re.sub(r"^[ \t]*#(.*\\\n)*.*$", "", text, flags=re.M)
    depth, piece = 0, ""
    for byte in text:
        depth -= byte == "}"
        if depth == 0 and byte == ";":
            yield piece.strip()
            piece = ""
        elif depth == 0 and byte == "}" and re.match(r"[^{=]*\)\s*\{", piece):
            yield piece[:piece.index("{")].strip()
            piece = ""
        else:
            piece += byte
        depth += byte == "{"


def name_of(declaration):
    """Of something static: a function, data, or an array of pointers to functions."""
    head = declaration[declaration.index("static"):].split("=")[0]
    head = re.sub(r"\{.*\}", "", head, flags=re.S)
    match = (re.search(r"\(\s*\*\s*(?:const\s+)?(\w+)\s*[\[)]", head) or
             re.search(r"\b(\w+)\s*(?:\(|\[|$)", head))
    return match[1]


def prototypes(text):
    """The functions that a header declares."""
    found = (re.search(r"\b(\w+)\s*\(", piece) for piece in declarations(text)
             if not re.match(r"typedef|.*\bstatic\b", piece))
    return {match[1] for match in found if match}


def numbered(text, number):
    """Names that macros put together, as tile_##rows does, by their beginnings."""
    for prefix in set(re.findall(r"\b([a-z]+_)\w*##", text)):
        text = re.sub(rf"\b{prefix}(?=\w*##|\d)", f"{prefix}{number}_", text)
    return text


def names(text):
    """What a file defines for itself: functions, data, types, enumerators."""
    found = set()
    for piece in declarations(text):
        # Macros that define functions by the names they are given.
        while match := re.match(r"[A-Z_0-9]+\(([^()]*)\)\s*", piece):
            found.update(re.findall(r"\b[a-z]\w*\b", match[1]))
            piece = piece[match.end():]
        found.update(re.findall(r"\b(?:struct|union|enum)\s+(\w+)\s*\{", piece))
        for enumerators in re.findall(r"\benum\s*(?:\w+\s*)?\{([^{}]*)\}", piece):
            found.update(re.findall(r"(?:^|,)\s*(\w+)", enumerators))
        if piece.startswith("typedef"):
            flat = re.sub(r"\{.*\}", "", piece, flags=re.S)
            match = re.search(r"(\w+)\s*\(", flat) or re.search(r"(\w+)(?:\[\w*\])?$", flat)
            found.add(match[1])
        elif re.search(r"\bstatic\b", piece.split("{")[0]):
            found.add(name_of(piece))
    return {name for name in found if name not in KEYWORDS and not name.endswith("_t")}


class Amalgamation:
    def __init__(self):
        self.sources = [path for folder in ("lib", "kernels", "kernels/reference", "kernels/x86",
                                            "kernels/arm")
                        for path in sorted(Path(folder).glob("*.c")) if path.name not in LEFT_OUT]
        self.headers = []
        for source in self.sources:
            self.collect(source)
        own = {header: names(header.read_text()) for header in self.headers}
        self.repeated = {header for header in self.headers if "/" in str(header.parent) and any(
            own[header] & own[other] for other in self.headers
            if other != header and cpu_of(other) in (None, cpu_of(header)))}
        # What includes a repeated header is repeated, too.
        for _ in self.headers:
            self.repeated |= {header for header in self.headers if any(
                find(name, header) in self.repeated for name in includes(header.read_text()))}
        self.written = set()

    def collect(self, path):
        for name in includes(path.read_text()):
            header = find(name, path)
            if header.name != "qualiclip.h" and header not in self.headers and is_header(header):
                self.collect(header)
                self.headers.append(header)
            elif not is_header(header):
                self.collect(header)

    def expand(self, path, written):
        """The text with what it includes, but for what is written already."""
        if is_header(path):
            if path in written or path.name == "qualiclip.h":
                return ""
            written.add(path)
        lines = [f'#line 1 "{path}"']
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = re.match(r'[ \t]*#[ \t]*include "([^"]*)"', line)
            if not match:
                lines.append(line)
                continue
            part = self.expand(find(match[1], path), written)
            lines += [part, f'#line {number + 1} "{path}"'] if part else [""]
        return "\n".join(lines)

    def write(self, out, parts):
        once = set()
        top = [for_cpu(header, self.expand(header, once))
               for header in self.headers if header not in self.repeated]
        regions = {source: numbered(self.expand(source, set(once)), number)
                   for number, source in enumerate(self.sources, 1)}
        own = {source: names(text) for source, text in regions.items()}
        shared = set().union(*(names(text) | prototypes(text) for text in top))
        out.write(TOP + "\n".join(text for text in top if text) + "\n")
        for number, source in enumerate(self.sources, 1):
            others = shared.union(*(own[other] for other in self.sources if other != source))
            clashing = sorted(own[source] & others)
            macros = sorted(set(re.findall(r"^[ \t]*#[ \t]*define (\w+)", regions[source], re.M)) -
                            {"_DEFAULT_SOURCE"})
            part = parts.get(str(source))
            out.write(f"\n#ifdef QUALICLIP_{part}\n" if part else "\n")
            out.writelines(f"#define {name} {name}_{number}\n" for name in clashing)
            out.write(regions[source] + "\n")
            out.writelines(f"#undef {name}\n" for name in clashing + macros)
            out.write("#endif\n" if part else "")


def main():
    directory = Path(sys.argv[1])
    parts = {file: part for part, files in (argument.split("=", 1) for argument in sys.argv[2:])
             for file in files.split()}
    directory.mkdir(parents=True, exist_ok=True)
    shutil.copy("include/qualiclip.h", directory)
    with open(directory / "qualiclip.c", "w", encoding="utf-8") as out:
        Amalgamation().write(out, parts)


if __name__ == "__main__":
    main()
