// The pixels of the pictures, as they were made: 8 bits, without loss.
const sourceOf = (pane) => {
  const shared = pane.querySelector(".picture use");
  return shared ? document.querySelector(shared.href.baseVal).href.baseVal : pane.querySelector(".picture").src;
};

// Of a picture in a file of its own, a page from disk may not read the pixels: a script beside it has it as text.
const brought = {};
const picture = (name, source) => { brought[name] = source; };
const embedded = (source) => new Promise((resolve, reject) => {
  if (source.startsWith("data:")) return resolve(source);
  const [, place, folder, name] = source.match(/^(.*\/([^/]+)\/([^/]+))\.webp$/);
  const script = element("script", { src: `${place}.js` });
  const finish = () => {
    if (brought[name]) return resolve(brought[name]);
    const lost = `${folder}/${name}.js is missing or damaged`;
    return reject(new Error(`Pixels cannot be read: ${lost}. Keep the whole folder ${folder} beside this page.`));
  };
  ["load", "error"].forEach((end) => script.addEventListener(end, finish));
  return document.head.append(script);
});

const decoded = new WeakMap();
const pixelsOf = (pane) => {
  if (!decoded.has(pane)) {
    const pixels = embedded(sourceOf(pane)).then(decode);
    decoded.set(pane, pixels);
    pixels.catch(() => decoded.delete(pane));
  }
  return decoded.get(pane);
};
const decode = async (source) => {
  const image = element("img", { src: source });
  await image.decode();
  const canvas = element("canvas", { width: image.naturalWidth, height: image.naturalHeight });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, canvas.width, canvas.height);
};

// |one - other| on [0, 1] at every pixel, the mean of its three channels; with its sign if `by` leaves it.
const differenceOf = (one, other, by = Math.abs) => Float32Array.from({ length: one.width * one.height }, (_, pixel) => {
  let sum = 0;
  for (let i = 4 * pixel; i < 4 * pixel + 3; i += 1) sum += by(one.data[i] - other.data[i]);
  return sum / 3 / 255;
});

// In dB, on [0, 1], of a rectangle.
const psnrOf = (one, other, { x, y, width, height }) => {
  let sum = 0;
  for (let row = y; row < y + height; row += 1) {
    for (let column = x; column < x + width; column += 1) {
      const first = 4 * (row * one.width + column);
      for (let i = first; i < first + 3; i += 1) sum += ((one.data[i] - other.data[i]) / 255) ** 2;
    }
  }
  return -10 * Math.log10(sum / (3 * width * height));
};

// Where the images differ most from the other, in all: the place of a rectangle of that size, to a quarter of it.
const worstPlace = (images, other, { width, height }) => {
  const [right, down] = [width, height].map((side) => Math.max(1, Math.floor(side / 4)));
  let worst = { sum: -1 };
  for (let y = 0; y + height <= other.height; y += down) {
    for (let x = 0; x + width <= other.width; x += right) {
      const sum = images.reduce((all, one) => all + 10 ** (-psnrOf(one, other, { x, y, width, height }) / 10), 0);
      if (sum > worst.sum) worst = { sum, x, y };
    }
  }
  return { x: worst.x, y: worst.y, width, height };
};

// Colours of Matplotlib's maps "magma" and "RdBu_r" (blue, white, red), and straight lines between them.
const coloursOf = (...map) => map.map((colour) => [0, 2, 4].map((i) => parseInt(colour.slice(i, i + 2), 16)));
const MAGMA = coloursOf("000004", "1d1147", "51127c", "832681", "b73779", "e55064", "fb8761", "fec287", "fcfdbf");
const SIGNS = coloursOf(
  "053061", "2065ab", "4393c3", "90c4dd", "d1e5f0", "f7f6f6", "fddbc7", "f3a481", "d6604d", "b1182b", "67001f",
);
const colourOf = (map, value) => {
  const place = within(value) * (map.length - 1);
  const low = Math.min(Math.floor(place), map.length - 2);
  return map[low].map((part, i) => part + (place - low) * (map[low + 1][i] - part));
};

// A canvas of the values: `low` and below has the first colour, `high` and above the last.
const coloured = (values, width, height, { low, high, map }) => {
  const canvas = element("canvas", { width, height, role: "img" });
  const image = new ImageData(width, height);
  values.forEach((value, i) => image.data.set([...colourOf(map, (value - low) / (high - low)), 255], 4 * i));
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
};
