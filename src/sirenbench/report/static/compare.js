// A dialog over the page: two images of a strip in one place, and crops of all of them with their PSNR.
{
  const METHOD = "PSNR of the crop against the target, on [0, 1], of the 8-bit images of the page.";

  const percent = (part, whole) => `${(100 * part) / whole}%`;

  // The two images, one over the other, with a boundary between them that stands at `slider.value` percent.
  const makeStage = (panes, size) => {
    const [left, right] = [1, 0].map(() => element("img", { draggable: false }));
    const crop = element("div", { className: "crop" });
    const stage = element("div", { className: "stage" }, right, left, crop);
    stage.style.setProperty("--ratio", size.width / size.height);
    const slider = element("input", { type: "range", min: 0, max: 100, value: 50, autofocus: true });
    const select = (chosen) => {
      const made = element("select", {}, ...panes.map((pane, i) => new Option(pane.dataset.title, i)));
      made.value = chosen;
      return made;
    };
    const sides = [select(panes.findIndex((pane) => pane.dataset.role === "result")), select(0)];
    const show = () => {
      [left, right].forEach((image, i) => {
        const pane = panes[sides[i].value];
        image.src = sourceOf(pane);
        image.alt = `${["Left", "Right"][i]} of the boundary: ${pane.dataset.title}`;
      });
      stage.style.setProperty("--boundary", `${slider.value}%`);
      const [one, other] = sides.map((side) => panes[side.value].dataset.title);
      slider.ariaValueText = `${slider.value} % ${one}, ${100 - slider.value} % ${other}`;
    };
    const move = (value) => { slider.value = value; show(); };
    const flip = () => move(slider.value > 50 ? 0 : 100);
    [slider, ...sides].forEach((control) => control.addEventListener("input", show));
    show();
    return { stage, crop, slider, sides, move, flip };
  };

  // Four numbers that stay inside the image.
  const makeRectangle = (size, change) => {
    const [x, y] = [size.width, size.height].map((side) => Math.floor(side * 3 / 8));
    const [width, height] = [size.width, size.height].map((side) => Math.max(1, Math.floor(side / 4)));
    const middle = { x, y, width, height };
    const number = (min, max, value) => element("input", { type: "number", min, max, value });
    const fields = {
      x: number(0, size.width - 1, x), y: number(0, size.height - 1, y),
      width: number(1, size.width, width), height: number(1, size.height, height),
    };
    const read = () => {
      const wanted = ({ valueAsNumber, min, max }) => within(Math.round(valueAsNumber) || 0, min, max);
      const [left, top, across, down] = Object.values(fields).map(wanted);
      return { x: left, y: top, width: Math.min(across, size.width - left), height: Math.min(down, size.height - top) };
    };
    const write = (rectangle) => {
      Object.entries(rectangle).forEach(([name, value]) => { fields[name].value = value; });
      change(rectangle);
    };
    Object.values(fields).forEach((field) => {
      field.addEventListener("input", () => change(read()));
      field.addEventListener("change", () => write(read()));
    });
    const controls = Object.entries(fields).map(([name, field]) => labelled(name, field));
    return { controls, read, write, middle };
  };

  const cropped = (pixels, { x, y, width, height }) => {
    const canvas = element("canvas", { width, height, role: "img" });
    canvas.getContext("2d").putImageData(pixels, -x, -y, x, y, width, height);
    return canvas;
  };
  const cropItem = (pane, pixels, target, rectangle) => {
    const value = psnrOf(pixels, target, rectangle);
    const words = pane.dataset.role === "target" ? "" : ` ${Number.isFinite(value) ? value.toFixed(2) : "∞"} dB`;
    const canvas = cropped(pixels, rectangle);
    canvas.ariaLabel = `The crop of ${pane.dataset.title}`;
    return element("li", {}, canvas, element("strong", { textContent: pane.dataset.title }), words);
  };

  // Dragging on the stage moves the boundary, or draws a rectangle from where it began.
  const listen = (stage, size, mode, move, draw) => {
    let from = null;
    const place = (event) => {
      const box = stage.getBoundingClientRect();
      return [within((event.clientX - box.left) / box.width), within((event.clientY - box.top) / box.height)];
    };
    const follow = (event) => {
      if (!from) return;
      const to = place(event);
      if (mode() === "boundary") move(Math.round(100 * to[0]));
      else draw(spanned(from, to, size));
    };
    stage.addEventListener("pointerdown", (event) => {
      from = place(event);
      stage.setPointerCapture(event.pointerId);
      follow(event);
    });
    stage.addEventListener("pointermove", follow);
    ["pointerup", "pointercancel"].forEach((end) => stage.addEventListener(end, () => { from = null; }));
  };
  const spanned = (from, to, size) => {
    const pixel = (share, side) => Math.min(side - 1, Math.floor(share * side));
    const [x, right] = [from[0], to[0]].map((share) => pixel(share, size.width)).sort((a, b) => a - b);
    const [y, bottom] = [from[1], to[1]].map((share) => pixel(share, size.height)).sort((a, b) => a - b);
    return { x, y, width: right - x + 1, height: bottom - y + 1 };
  };

  // `named` are crops by their names; the dialog begins with `first`, or in the middle.
  const open = async (title, panes, named, first) => {
    const images = await Promise.all(panes.map(pixelsOf));
    const target = images[0];
    const { stage, crop, slider, sides, move, flip } = makeStage(panes, target);
    const crops = element("ul", { className: "crops", ariaLive: "polite" });
    const measure = (rectangle) => {
      const { x, y, width, height } = rectangle;
      Object.assign(crop.style, {
        left: percent(x, target.width), top: percent(y, target.height),
        width: percent(width, target.width), height: percent(height, target.height),
      });
      const items = panes.map((pane, i) => cropItem(pane, images[i], target, rectangle));
      crops.replaceChildren(...items.filter((_, i) => panes[i].dataset.role !== "input"));
    };
    const rectangle = makeRectangle(target, measure);
    const results = images.filter((_, i) => panes[i].dataset.role === "result");
    const whole = { x: 0, y: 0, width: target.width, height: target.height };
    const presets = [
      button("Middle", () => rectangle.write(rectangle.middle)),
      button("Largest difference", () => rectangle.write(worstPlace(results, target, rectangle.middle))),
      button("Whole image", () => rectangle.write(whole)),
      ...named.map(([name, crop]) => button(name, () => rectangle.write(crop))),
    ];
    let mode = "boundary";
    const modes = [["boundary", "moves the boundary"], ["crop", "chooses the crop"]];
    listen(stage, target, () => mode, move, rectangle.write);
    const dialog = element("dialog", { className: "compare", ariaLabel: `Compare: ${title}` },
      element("div", { className: "line" }, element("h2", { textContent: title }), button("Close", () => dialog.close())),
      element("div", { className: "line" }, labelled("Left", sides[0]), labelled("Right", sides[1]),
        labelled("Boundary", slider), button("Flip (space)", flip), element("span", { className: "aside", textContent: "1 to 9: that image alone" })),
      element("div", { className: "inspector" }, stage, element("div", {},
        choices("Dragging", modes, mode, (chosen) => { mode = chosen; }),
        element("fieldset", {}, element("legend", { textContent: "Crop, in pixels" }), ...rectangle.controls, ...presets),
        crops,
        element("p", { className: "aside", textContent: METHOD }))));
    dialog.addEventListener("keydown", (event) => {
      const digit = Number(event.key);
      if (digit >= 1 && digit <= panes.length && !event.target.matches("[type=number], select")) {
        sides[0].value = digit - 1;
        sides[0].dispatchEvent(new Event("input"));
        move(100);
      }
      if (event.key !== " " || event.target.matches("button, select")) return;
      event.preventDefault();
      flip();
    });
    dialog.addEventListener("close", () => dialog.remove());
    rectangle.write(first ?? rectangle.middle);
    document.body.append(dialog);
    dialog.showModal();
  };

  all("figure.images .lens").forEach((tools) => {
    const figure = tools.closest("figure");
    const panes = all("[data-role]", figure);
    const tell = (error) => { figure.querySelector(".scale").textContent = error.message; };
    const named = all("[data-crop]", figure).map(({ dataset }) => {
      const [x, y, width, height] = dataset.crop.split(" ").map(Number);
      return [dataset.name, { x, y, width, height }];
    });
    const { title } = figure.dataset;
    const opening = (words, crop) => button(words, () => open(title, panes, named, crop).catch(tell), `${words}: ${title}`);
    tools.append(opening("Compare two, inspect crops"), ...named.map(([name, crop]) => opening(`Inspect ${name}`, crop)));
  });
}
