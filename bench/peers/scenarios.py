"""What is run: a tower, the size of the image, how many images at once, and threads."""


class Scenario:
    def __init__(self, tower, batch, threads, width=224, height=224):
        self.tower, self.batch, self.threads = tower, batch, threads
        self.width, self.height = width, height
        self.name = "%s %dx%d, batch %d, %d thread%s" % (tower, width, height, batch, threads,
                                                         "s" if threads > 1 else "")

    def work(self):
        """Nominal GFLOP for an image: products with weights, of every token; a multiply-add is two."""
        count = vit_work if self.tower == "vit-b-32" else rn50_work
        return count(self.width, self.height) * 1e-9


FULL = ([Scenario("vit-b-32", batch, threads) for threads in (1, 2) for batch in (1, 8, 32)] +
        [Scenario("rn50", 1, threads, width, height) for threads in (1, 2)
         for width, height in ((224, 224), (384, 512), (768, 1024))])
QUICK = [Scenario("vit-b-32", 1, 1), Scenario("vit-b-32", 8, 1), Scenario("vit-b-32", 1, 2),
         Scenario("rn50", 1, 1), Scenario("rn50", 1, 1, 384, 512)]
START = Scenario("vit-b-32", 1, 1)
LARGE = Scenario("rn50", 1, 2, 3000, 4000)


def vit_work(width, height):
    channels, patch, layers, feature = 768, 32, 12, 512
    patches = (width // patch) * (height // patch)
    tokens = 1 + patches
    block = 12 * tokens * channels ** 2
    return 2 * (patches * 3 * patch ** 2 * channels + layers * block + channels * feature)


def rn50_work(width, height):
    """With the attention pool as CLIP has it: keys and values of every token, one query."""
    def conv(outputs, inputs, size, area):
        return outputs * inputs * size ** 2 * area

    area = ((width + 1) // 2) * ((height + 1) // 2)
    total = conv(32, 3, 3, area) + conv(32, 32, 3, area) + conv(64, 32, 3, area)
    columns, rows, inputs = (width + 1) // 4, (height + 1) // 4, 64
    for stage, blocks in enumerate((3, 4, 6, 3)):
        planes = 64 << stage
        for block in range(blocks):
            before = columns * rows
            if stage and block == 0:
                columns, rows = columns // 2, rows // 2
            area = columns * rows
            total += (conv(planes, inputs, 1, before) + conv(planes, planes, 3, before) +
                      conv(4 * planes, planes, 1, area))
            if block == 0:
                total += conv(4 * planes, inputs, 1, area)
            inputs = 4 * planes
    tokens = 1 + columns * rows
    pool = 2 * tokens * inputs ** 2 + inputs ** 2 + inputs * 1024
    return 2 * (total + pool)
