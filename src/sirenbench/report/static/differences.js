// Differences from the target, in place of the images; on paper, where nothing can be pressed, below them.
{
  const GAINS = [["", "Images"], ["1", "Difference ×1"], ["4", "×4"], ["16", "×16"]];

  const showImage = (pane) => {
    all("canvas, .deviation", pane).forEach((made) => made.remove());
    pane.querySelector(".picture").removeAttribute("hidden");
  };
  const showDifference = (pane, pixels, target, gain) => {
    const values = differenceOf(pixels, target);
    const most = values.reduce((one, other) => Math.max(one, other), 0);
    const canvas = coloured(values, pixels.width, pixels.height, 1 / gain);
    canvas.ariaLabel = `${pane.dataset.title}: difference from the target ×${gain}, at most ${most.toFixed(3)}.`;
    pane.querySelector(".picture").setAttribute("hidden", "");
    pane.querySelector(".frame").append(canvas);
    pane.append(element("span", { className: "aside deviation", textContent: `differs by at most ${most.toFixed(3)}` }));
    return `${pane.dataset.title} ${most.toFixed(3)}`;
  };

  const scaleOf = (gain, largest) => {
    const ramp = coloured(Float32Array.from({ length: 128 }, (_, i) => i / 127), 128, 1, 1);
    ramp.ariaLabel = "black over violet and red to light yellow";
    const words = [`|image − target|, 8 bits as [0, 1], mean of the channels: 0 `, ramp, ` ${1 / gain}`];
    return [...words, gain > 1 ? " and above." : ".", ` Largest: ${largest.join(", ")}.`];
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
    const show = async (gain) => {
      let pixels;
      try {
        pixels = await Promise.all([target, ...results].map(pixelsOf));
      } catch (error) {
        scale.textContent = error.message;
        return false;
      }
      const [truth, ...images] = pixels;
      results.forEach(showImage);
      const largest = gain && results.map((pane, i) => showDifference(pane, images[i], truth, Number(gain)));
      scale.replaceChildren(...(gain ? scaleOf(Number(gain), largest) : []));
      return true;
    };
    const tools = element("div", { className: "lens" }, choices("Show", GAINS, "", show));
    figure.querySelector("figcaption").before(tools, scale);
  });
}
