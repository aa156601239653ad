// Differences from the target, in place of the images; on paper, where nothing can be pressed, below them.
{
  const absolute = (gain) => ({
    gain, by: Math.abs, low: 0, high: 1 / gain, map: MAGMA,
    words: "|image − target|", colours: "black over violet and red to light yellow",
  });
  const SIGNED = {
    gain: 4, by: Number, low: -1 / 4, high: 1 / 4, map: SIGNS,
    words: "image − target", colours: "blue where the image is darker, white, red where it is brighter",
  };
  const SHOWN = [
    [null, "Images"], [absolute(1), "Difference ×1"], [absolute(4), "×4"], [absolute(16), "×16"], [SIGNED, "Signed"],
  ];

  const showImage = (pane) => {
    all("canvas, .deviation", pane).forEach((made) => made.remove());
    pane.querySelector(".picture").removeAttribute("hidden");
  };
  const showDifference = (pane, pixels, target, kind) => {
    const values = differenceOf(pixels, target, kind.by);
    const most = values.reduce((one, other) => Math.max(one, Math.abs(other)), 0);
    const canvas = coloured(values, pixels.width, pixels.height, kind);
    const name = kind === SIGNED ? "signed difference" : "difference";
    canvas.ariaLabel = `${pane.dataset.title}: ${name} from the target ×${kind.gain}, at most ${most.toFixed(3)}.`;
    pane.querySelector(".picture").setAttribute("hidden", "");
    pane.querySelector(".frame").append(canvas);
    pane.append(element("span", { className: "aside deviation", textContent: `differs by at most ${most.toFixed(3)}` }));
    return `${pane.dataset.title} ${most.toFixed(3)}`;
  };

  const scaleOf = (kind, largest) => {
    const { low, high, words, colours } = kind;
    const values = Float32Array.from({ length: 128 }, (_, i) => low + (i / 127) * (high - low));
    const ramp = coloured(values, 128, 1, kind);
    ramp.ariaLabel = colours;
    const [below, above] = [low ? `−${-low} and below` : "0", high < 1 ? `${high} and above` : "1"];
    return [`${words}, 8 bits as [0, 1], mean of the channels: ${below} `, ramp, ` ${above}. Largest: ${largest.join(", ")}.`];
  };

  // Made by the browser's blending of the two: without their pixels, so that it is there at once.
  const ON_PAPER = 8;
  const blended = (target, pane) => {
    const [image, other] = [target, pane].map((one) => element("img", { src: sourceOf(one), alt: "" }));
    other.alt = `${pane.dataset.title}: |image − target| ×${ON_PAPER}`;
    const frame = element("div", { className: "blend" }, image, other);
    return element("div", { className: "on-paper aside" }, frame, `|image − target| ×${ON_PAPER}`);
  };

  all("figure.images").forEach((figure) => {
    const target = figure.querySelector("[data-role=target]");
    const results = all("[data-role=result]", figure);
    if (!target || !results.length) return;
    addEventListener("beforeprint", () => {
      results.filter((pane) => !pane.querySelector("canvas")).forEach((pane) => pane.append(blended(target, pane)));
    });
    addEventListener("afterprint", () => all(".on-paper", figure).forEach((made) => made.remove()));
    const scale = element("p", { className: "aside scale", role: "status" });
    const show = async (kind) => {
      let pixels;
      try {
        pixels = await Promise.all([target, ...results].map(pixelsOf));
      } catch (error) {
        scale.textContent = error.message;
        return false;
      }
      const [truth, ...images] = pixels;
      results.forEach(showImage);
      const largest = kind && results.map((pane, i) => showDifference(pane, images[i], truth, kind));
      scale.replaceChildren(...(kind ? scaleOf(kind, largest) : []));
      return true;
    };
    const tools = element("div", { className: "lens" }, choices("Show", SHOWN, null, show));
    figure.querySelector(".cut, figcaption").before(tools, scale);
  });
}
