#!/usr/bin/python3
"""Makes test/golden/labels: small label files of the forms in which datasets are published.

    test/golden/make_labels.py

No row is anybody's: names are of the same pattern, opinions follow from the row's number.  Needs
NumPy and SciPy (savemat); made with SciPy 1.10.1.  Zip archives get a fixed date, MATLAB files a
fixed head, so that they come out the same.
"""
import io
import os
import struct
import zipfile

import numpy as np
from scipy import io as scipy_io

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "labels")


def path(name):
    full = os.path.join(HERE, name)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    return full


def text(name, lines, end="\n", head=""):
    with open(path(name), "w", newline="", encoding="utf-8") as file:
        file.write(head + "".join(line + end for line in lines))


def mat(name, compressed=True, **arrays):
    stream = io.BytesIO()
    scipy_io.savemat(stream, arrays, do_compression=compressed, oned_as="row")
    head = b"MATLAB 5.0 MAT-file, made by make_labels.py".ljust(116)
    with open(path(name), "wb") as file:
        file.write(head + stream.getvalue()[116:])


def cells(texts):
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array


# ------------------------------------------------------------------------------------ spreadsheets

def column_name(index):
    return chr(ord("A") + index)


class Failed:
    """A cell whose formula came to an error."""


def sheet(rows, shared, first_row=1, first_column=0, inline=False):
    """Texts are shared, or with `inline` in the cells."""
    lines = []
    for i, row in enumerate(rows, first_row):
        cells = []
        for j, value in enumerate(row, first_column):
            reference = f"{column_name(j)}{i}"
            if value is None:
                cells.append(f'<c r="{reference}" s="1"/>')
            elif isinstance(value, Failed):
                cells.append(f'<c r="{reference}" t="e"><f>#REF!</f><v>#REF!</v></c>')
            elif not isinstance(value, str):
                cells.append(f'<c r="{reference}"><v>{value!r}</v></c>')
            elif inline:
                cells.append(f'<c r="{reference}" t="inlineStr"><is><t>{value}</t></is></c>')
            else:
                cells.append(f'<c r="{reference}" t="s"><v>{shared.index(value)}</v></c>')
        lines.append(f'<row r="{i}">{"".join(cells)}</row>')
    return ('<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<worksheet '
            'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
            f'{"".join(lines)}</sheetData></worksheet>')


def shared_texts(texts):
    """Every second one in two runs, as a text of two fonts is; the others as Excel in Chinese
    writes them."""
    items = []
    for i, value in enumerate(texts):
        half = len(value) // 2
        items.append(f"<si><r><t>{value[:half]}</t></r><r><rPr/><t>{value[half:]}</t></r></si>"
                     if i % 2 and "&" not in value else
                     f'<si><t>{value}</t><phoneticPr fontId="1" type="noConversion"/></si>')
    return f'<?xml version="1.0"?><sst count="{len(texts)}">{"".join(items)}</sst>'


def spreadsheet(name, sheets, shared):
    parts = {"xl/workbook.xml": "<workbook><sheets>" + "".join(
        f'<sheet name="{title}" sheetId="{i}" r:id="rId{i + 2}"/>'
        for i, title in enumerate(sheets, 1)) + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": "<Relationships>" + "".join(
            f'<Relationship Id="rId{i + 2}" Type="x" Target="worksheets/sheet{i}.xml"/>'
            for i in range(1, len(sheets) + 1)) + "</Relationships>"}
    for i, content in enumerate(sheets.values(), 1):
        parts[f"xl/worksheets/sheet{i}.xml"] = content
    if shared:
        parts["xl/sharedStrings.xml"] = shared_texts(shared)
    with zipfile.ZipFile(path(name), "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in parts.items():
            archive.writestr(zipfile.ZipInfo(part, (2020, 1, 1, 0, 0, 0)), content,
                             zipfile.ZIP_DEFLATED)


# ---------------------------------------------------------------------------------------- datasets

def koniq():
    head = "image_name,c1,c2,c3,c4,c5,c_total,MOS,SD"
    text("koniq/koniq10k_scores_and_distributions.csv",
         [",".join(f'"{name}"' for name in head.split(",") + ["MOS_zscore"])] +
         [f'"{1000 + i}.jpg",0,{i},{9 - i},5,1,15,{2 + i / 4},0.5,{10 * i + 5}' for i in range(10)])
    sets = ["training", "training", "validation", "test", "test"] * 2
    text("koniq-sets/koniq10k_distributions_sets.csv",  # shares, and opinions from 1 to 100
         [head + ",set"] +
         [f"{1000 + i}.jpg,0.0,{i / 15:.12g},{(9 - i) / 15:.12g},0.333333333333,0.0666666666667,15,"
          f"{20 + 2.5 * i},0.5,{part}" for i, part in enumerate(sets)])


def clive():
    names = [f"t{i}.bmp" for i in range(1, 8)] + [f"{i}.bmp" for i in range(1, 13)]
    mos = np.linspace(10, 82, len(names))
    mat("clive/Data/AllImages_release.mat", AllImages_release=cells(names).reshape(-1, 1))
    mat("clive/Data/AllMOS_release.mat", AllMOS_release=mos)
    mat("clive/Data/AllStdDev_release.mat", AllStdDev_release=mos / 10)


def flive():
    names = [f"{folder}/{i}.jpg" for folder in ("blur_dataset", "EE371R") for i in range(4)]
    text("flive/labels_image.csv", ["name,mos"] + [f"{name},{60 + i}" for i, name in
                                                   enumerate(names)])
    places = ("width", "height", "top", "left", "bottom", "right")
    head = ["mos_patch_1", "name_patch"] + [f"{place}_patch_1" for place in places]
    for patch in (2, 3):
        head += [f"mos_patch_{patch}"] + [f"{place}_patch_{patch}" for place in places]
    head += ["mos_image", "name_image"] + [f"{place}_image" for place in places]
    box = "320,76,10,304,86,624"
    rows = [f"{50 + i}.5,patches/{name.split('/')[1]},{box},1,{box},2,{box},{60 + i},{name},{box}"
            for i, name in enumerate(names)]
    text("flive-640/labels640.csv", [",".join(head)] + rows)
    text("flive-3patch/labels_image_3patch.csv", [",".join(head) + ",is_valid"] +
         [f"{row},{i % 4 == 0}" for i, row in enumerate(rows)])


def spaq():
    headings = ["Image name", "MOS", "Brightness", "Colorfulness", "Contrast", "Noisiness",
                "Sharpness"]
    names = [f"{i:05}.jpg" for i in range(1, 9)]
    rows = [headings] + [[name, 20.5 + 8 * i, 50, 50.25, 1e-2 * i, 4, None]
                         for i, name in enumerate(names)]
    shared = headings + names
    spreadsheet("spaq/Annotations/MOS and Image attribute scores.xlsx",
                {"Sheet1": sheet(rows, shared)}, shared)
    text("spaq-csv/MOS_and_Image_attribute_scores.csv",
         [";".join(headings)] + [";".join(str("" if value is None else value).replace(".", ",")
                                          if j else value for j, value in enumerate(row))
                                 for row in rows[1:]], head="\ufeff")


def cviu():
    methods, scales, pictures = ("Shan08", "Yang10"), ("sf2", "sf4"), ("a.bmp", "b.bmp", "c.bmp")
    names = [rf"E:\work\SRimages\{method}\{scale}\sigma0.8\{picture}"
             for method in methods for scale in scales for picture in pictures]
    mat("cviu/sr_metric_data.mat", SR_image_names=cells(names).reshape(-1, 1),
        # MATLAB's order is down the columns, as the names are.
        subject_scores_mean40=np.arange(12).reshape(2, 6).T / 2 + 1,
        reference_names=cells(["a.bmp", "b.bmp", "c.bmp"]), note="not a column")


def agiqa():
    prompts = ["cat, driving car, city, anime style", 'a &quot;small&quot; dog', "tea &amp; cake"]
    names = [f"{'dreamStudio' if i == 8 else 'deepai'}_1_{i}_0_1.jpg" for i in range(9)]
    headings = ["Image", "Prompt", "MOS"]
    rows = [headings] + [[name, prompts[i % 3], 1 + i / 2] for i, name in enumerate(names)]
    shared = headings + names + prompts
    spreadsheet("agiqa-1k/AIGC_MOS_Zscore.xlsx", {"Sheet1": sheet(rows, shared)}, shared)
    names = [f"{generator}_{i:03}.jpg" for i in range(4) for generator in
             ("AttnGAN_normal", "sd1.5_lowcorr")]
    text("agiqa-3k/data.csv",
         ["name,prompt,adj1,adj2,style,mos_quality,std_quality,mos_align,std_align"] +
         [f'{name},"a cat, ""big"", {i}",,detailed,{"anime style" if i % 2 else ""},'
          f"{i / 2},0.1,{4 - i / 2},0.2" for i, name in enumerate(names)])


def shrq():
    methods = ["Berman16", "Cai16", "Fattal08", "He09", "Lai12", "Meng13", "Tarel09", "Xiao12"]
    text("shrq/dehaze_test_all.txt",
         [f"{scene}.png {scene}_{method}.png {1 + (3 * i + 5 * j) % 17 / 4}"
          for i, scene in enumerate(["Art", "lawn1_D1", "beach"])
          for j, method in enumerate(methods)])


def kadid():
    text("kadid/dmos.csv", ["dist_img,ref_img,dmos,var"] +
         [f"I{image:02}_{kind:02}_{level:02}.png,I{image:02}.png,{5 - 0.8 * (level - 1)},0.4"
          for image in (1, 2) for kind in (1, 9, 25) for level in range(1, 6)])
    for model, noise in (("a", 0.1), ("b", 0.4)):  # scores of two models that there are not
        text(f"kadid/scores-{model}.csv", ["path,score"] +
             [f"photos/I{image:02}_{kind:02}_{level:02}.png,"
              f"{1 - 0.2 * level + noise * np.sin(50 * image + 9 * kind + 5 * level):.4f}"
              for image in (1, 2) for kind in (1, 9, 25) for level in range(1, 6)])


def live():
    counts = {"jp2k": 227, "jpeg": 233, "wn": 174, "gblur": 174, "fastfading": 174}
    total = sum(counts.values())
    number = np.arange(total)
    original = number % 5 == 4
    dmos = np.where(original, 0, 20 + number % 60)
    names = cells([f"picture{i % 29}.bmp" for i in range(total)])
    mat("live/dmos.mat", dmos=dmos.astype(float), orgs=original.astype(np.uint8))
    mat("live-realigned/dmos_realigned.mat", dmos_new=dmos + 0.25, dmos_std=dmos / 20,
        orgs=original.astype(float))
    for folder in ("live", "live-realigned"):
        mat(f"{folder}/refnames_all.mat", refnames_all=names)


def csiq():
    """Hidden sheets of the authors' reckoning before the two that tell, whose fourth row heads."""
    kinds = ("noise", "blur", "contrast", "fnoise", "jpeg", "jpeg 2000")
    headings = ["image", "dst_idx", "dst_type", "dst_lev", "dmos_std", "dmos"]
    rows = [[image, i + 1, kind, level, 0.05, round(0.15 * level, 4)]
            for image in (1600, "boston") for i, kind in enumerate(kinds) for level in range(1, 5)]
    other = ["dst_idx", "dst_type", "image", "dst_lev", "mean", "dmos_std", "dmos"]
    shared = ["CriticalZ 5%", "boston", "mean"] + headings + list(kinds)
    spreadsheet("csiq/csiq.DMOS.xlsx", {
        "z_crit": sheet([["CriticalZ 5%", 1.15], [1600, Failed()]], shared, 3, 3),
        "all_by_image": sheet([headings] + rows, shared, 4, 3),
        "all_by_distortion": sheet(
            [other] + [[row[1], row[2], row[0], row[3], Failed(), row[4], row[5] + 1]
                       for row in rows], shared, 4, 3)}, shared)


def tid():
    """Some first levels are I01_11_1.BMP, all others i01_11_2.bmp."""
    text("tid2013/mos_with_names.txt",
         [f"{7 - 1.1 * level:.5f} {'I' if first else 'i'}{image:02}_{kind:02}_{level}."
          f"{'BMP' if first and kind == 11 else 'bmp'}"
          for image in (1, 2) for kind in (1, 11, 24) for level in range(1, 6)
          for first in [level == 1 and kind != 24]])


def other():
    """Tables that are of no dataset, and MATLAB files that scipy does not write."""
    mat("plain.mat", compressed=False, image_names=cells([f"hazy{i}.png" for i in range(6)]),
        MOS=np.arange(6.0) * 10)
    spreadsheet("inline.xlsx", {"a": sheet([["name", "mos"], ["a&amp;b.png", 1.5]], [],
                                           inline=True)}, [])
    with open(path("old.xls"), "wb") as file:
        file.write(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(64, b"\0"))
    mat("rows.mat", names=np.array(["ab.png", "cde.png", "f.png"]), mos=np.array([3, 1, 2], "int16"))
    with open(path("big_endian.mat"), "wb") as file:
        def element(kind, data):
            return struct.pack(">II", kind, len(data)) + data + bytes(-len(data) % 8)

        def array(array_class, shape, name, data):
            return element(14, element(6, struct.pack(">II", array_class, 0)) +
                           element(5, struct.pack(">ii", *shape)) + element(1, name) + data)
        numbers = array(6, (1, 3), b"mos", element(7, struct.pack(">3f", 0.5, -1.25, 3e4)))
        texts = array(1, (1, 3), b"names", b"".join(
            array(4, (1, 5), b"", element(4, struct.pack(">5H", *map(ord, name))))
            for name in ("a.png", "b.png", "\xe9.png")))
        def beginning(kind):
            head = f"MATLAB 5.0 MAT-file, {kind}".encode().ljust(124)
            return head + struct.pack(">H", 0x0100) + b"MI"
        file.write(beginning("big-endian") + numbers + texts)
    with open(path("objects.mat"), "wb") as file:  # a table, and what MATLAB keeps of its inside
        opaque = element(14, element(6, struct.pack(">II", 17, 0)) + element(1, b"scores") +
                         element(1, b"MCOS") + element(1, b"table") +
                         array(13, (1, 1), b"", element(6, struct.pack(">I", 1))))
        inside = array(9, (1, 5), b"", element(2, b"12345"))
        file.write(beginning("objects") + opaque + numbers + texts + inside)
    with open(path("table.mat"), "wb") as file:
        file.write(beginning("objects") + opaque + inside)
    with open(path("level73.mat"), "wb") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + struct.pack("<H", 0x0200) + b"IM" +
                   bytes(384) + b"\x89HDF\r\n\x1a\n")


if __name__ == "__main__":
    for make in (koniq, clive, flive, spaq, cviu, shrq, agiqa, kadid, live, csiq, tid, other):
        make()
