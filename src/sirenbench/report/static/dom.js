"use strict";
// What all parts of the script share.
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

const element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

const labelled = (text, control) => element("label", {}, `${text} `, control);

const within = (value, low = 0, high = 1) => Math.min(high, Math.max(low, value));

const button = (text, press, ariaLabel = null) => {
  const made = element("button", { type: "button", textContent: text, ariaLabel });
  made.addEventListener("click", press);
  return made;
};

// A button that puts `text()` on the clipboard and says so, or what `otherwise()` says where it may not.
const copying = (words, text, otherwise, label = words) => {
  const made = button(words, async () => {
    let done = "Copied";
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      done = otherwise();
    }
    Object.assign(made, { textContent: done, ariaLabel: done });
    setTimeout(() => Object.assign(made, { textContent: words, ariaLabel: label }), 2000);
  }, label);
  return made;
};

// Buttons of which one is pressed; `options` are pairs of a value and its text. Where `choose` answers false, the
// choice could not be made, and the one that stands is pressed again.
const choices = (label, options, chosen, choose) => {
  const group = element("div", { className: "choices", role: "group", ariaLabel: label }, `${label} `);
  let standing;
  const press = (made) => buttons.forEach((other) => { other.ariaPressed = String(other === made); });
  const buttons = options.map(([value, text]) => {
    const made = button(text, async () => {
      press(made);
      if (await choose(value) === false) press(standing);
      else standing = made;
    });
    if (value === chosen) standing = made;
    made.ariaPressed = String(value === chosen);
    return made;
  });
  group.append(...buttons);
  return group;
};

// What the address names; an address that someone has mistyped names itself.
const addressed = (text = location.hash.slice(1)) => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};
