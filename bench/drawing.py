"""A picture as SVG: the few shapes that the benchmarks' plots are made of."""

INK, FAINT = "#22262b", "#d9dce0"


class Drawing:
    def __init__(self, width, height, title):
        self.parts = [
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" '
            'font-family="Helvetica, Arial, DejaVu Sans, sans-serif" fill="%s">'
            % (width, height, INK),
            "<title>%s</title>" % title,
            '<rect width="%d" height="%d" fill="#ffffff"/>' % (width, height)]

    def text(self, x, y, words, size=13, anchor="start", weight="normal", colour=INK):
        words = words.replace("&", "&amp;").replace("<", "&lt;")
        self.parts.append('<text x="%.1f" y="%.1f" font-size="%g" text-anchor="%s" '
                          'font-weight="%s" fill="%s" stroke="#ffffff" stroke-width="3" '
                          'paint-order="stroke">%s</text>'
                          % (x, y, size, anchor, weight, colour, words))

    def line(self, x1, y1, x2, y2, colour=INK, width=1.0, dashes=""):
        self.parts.append('<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" '
                          'stroke-width="%g"%s/>' % (x1, y1, x2, y2, colour, width,
                                                     ' stroke-dasharray="%s"' % dashes
                                                     if dashes else ""))

    def bar(self, x, y, width, height, colour):
        self.parts.append('<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>'
                          % (x, y, width, height, colour))

    def polyline(self, points, colour, width=1.6):
        self.parts.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="%g"/>'
                          % (" ".join("%.1f,%.1f" % point for point in points), colour, width))

    def dot(self, x, y, colour):
        self.parts.append('<circle cx="%.1f" cy="%.1f" r="4" fill="%s"/>' % (x, y, colour))

    def finish(self):
        return "\n".join(self.parts + ["</svg>"]) + "\n"
