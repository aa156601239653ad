(() => {
  // Sorting: what has no number stays last, whichever way.
  const keyOf = (row, column) => {
    const cell = row.cells[column];
    if (!cell) return null;
    if (cell.dataset.key !== undefined) return Number(cell.dataset.key.replace(/inf/i, "Infinity"));
    return cell.classList.contains("number") ? null : shown(cell);
  };
  const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a === b ? 0 : a - b);
  const sort = (table, column) => {
    const head = table.tHead.rows[0].cells[column];
    const numeric = head.classList.contains("number");
    const [first, second] = numeric ? ["descending", "ascending"] : ["ascending", "descending"];
    const order = head.ariaSort === first ? second : first;
    all("th[aria-sort]", table).forEach((th) => { th.ariaSort = null; });
    head.ariaSort = order;
    const rows = [...table.tBodies[0].rows].map((row) => [keyOf(row, column), row]);
    rows.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      return order === "ascending" ? compare(a, b) : compare(b, a);
    });
    table.tBodies[0].append(...rows.map(([, row]) => row));
  };
  all("table.sortable").forEach((table) => {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const made = button(head.textContent.trim(), () => sort(table, column));
      head.replaceChildren(made, ...head.children);
    });
  });

  // Long tables and lists: only what holds some words.
  const searched = (label, rows, place) => {
    if (rows.length < 12) return;
    const count = element("span", { role: "status" });
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const field = element("input", { type: "search" });
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/);
      rows.forEach((row, i) => { row.hidden = !words.every((word) => texts[i].includes(word)); });
      count.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length}`;
    });
    place.before(element("p", { className: "tools" }, labelled(`${label} with`, field), count));
  };
  all("table.sortable").forEach((table) => searched("Rows", [...table.tBodies[0].rows], table.closest(".scroll")));
  const cells = all("#cells > .cell");
  if (cells.length) searched("Cells", cells, cells[0]);

  // Legends: a press leaves one curve lit.
  all("figure[data-series]").forEach((figure) => {
    all("li[data-series]", figure).forEach((item) => {
      const made = button("", () => {
        const lit = made.ariaPressed !== "true";
        all("button", item.parentNode).forEach((other) => { other.ariaPressed = "false"; });
        made.ariaPressed = String(lit);
        figure.classList.toggle("dimmed", lit);
        all(".series", figure).forEach((line) => {
          line.classList.toggle("lit", line.classList.contains(`series-${item.dataset.series}`));
        });
      });
      made.ariaPressed = "false";
      made.replaceChildren(...item.childNodes);
      item.replaceChildren(made);
    });
  });

  // Images: one place, enlarged in all that stand together.
  all("[data-zoom]").forEach((strip) => {
    let x = 0.5;
    let y = 0.5;
    let enlarged = 4;
    const move = (toX, toY) => {
      [x, y] = [toX, toY].map((value) => within(value));
      strip.style.setProperty("--x", x);
      strip.style.setProperty("--y", y);
    };
    const arrows = { ArrowLeft: [-0.05, 0], ArrowRight: [0.05, 0], ArrowUp: [0, -0.05], ArrowDown: [0, 0.05] };
    // A place that is dragged stays under the pointer; the click that ends a drag is none.
    let held = null;
    let dragged = false;
    const drag = (event) => {
      if (!held) return;
      const [right, down] = [event.clientX - held.clientX, event.clientY - held.clientY];
      dragged ||= Math.hypot(right, down) > 4;
      const across = held.side * (enlarged - 1);
      if (dragged) move(held.x - right / across, held.y - down / across);
    };
    all(".frame:not(.empty)", strip).forEach((frame) => {
      const made = button("", (event) => {
        if (dragged && event.detail > 0) return;
        const box = made.getBoundingClientRect();
        const pointed = event.detail > 0;
        const place = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
        if (!strip.matches(".zoomed")) move(...(pointed ? place : [0.5, 0.5]));
        const zoomed = strip.classList.toggle("zoomed");
        all("button", strip).forEach((other) => { other.ariaPressed = String(zoomed); });
      });
      Object.assign(made, { className: "frame", ariaPressed: "false" });
      made.append(...frame.childNodes);
      made.addEventListener("pointerdown", (event) => {
        dragged = false;
        if (!strip.matches(".zoomed")) return;
        held = { x, y, side: made.clientWidth, clientX: event.clientX, clientY: event.clientY };
        made.setPointerCapture(event.pointerId);
      });
      made.addEventListener("pointermove", drag);
      ["pointerup", "pointercancel"].forEach((end) => made.addEventListener(end, () => { held = null; }));
      made.addEventListener("dragstart", (event) => event.preventDefault());
      made.addEventListener("keydown", (event) => {
        if (!strip.matches(".zoomed") || !(event.key in arrows || "+-".includes(event.key))) return;
        event.preventDefault();
        if (event.key in arrows) {
          // The same way on the screen, however much is enlarged.
          move(x + (arrows[event.key][0] * 4) / enlarged, y + (arrows[event.key][1] * 4) / enlarged);
        } else {
          enlarged = event.key === "+" ? Math.min(32, 2 * enlarged) : Math.max(2, enlarged / 2);
          strip.style.setProperty("--enlarged", enlarged);
        }
      });
      frame.replaceWith(made);
    });
  });

  // Theme: kept as long as the page is open, because a page opened from disk has no store of its own.
  const themes = [["light", "Light"], ["dark", "Dark"], ["system", "System"]];
  const themeChoice = choices("Theme", themes, "system", (theme) => { document.documentElement.dataset.theme = theme; });
  themeChoice.classList.add("theme");
  document.querySelector(".top").prepend(themeChoice);

  // Commands: one press to the clipboard.
  all(".command").forEach((line) => {
    const code = line.querySelector("code");
    line.append(copying("Copy", () => code.textContent, () => {
      getSelection().selectAllChildren(code);
      return "Selected";
    }));
  });

  // A link to a cell opens it.
  const reveal = () => {
    const place = location.hash.slice(1);
    const found = document.getElementById(addressed()) || document.getElementById(place);
    const closed = found?.closest("details");
    if (!closed) return;
    closed.hidden = false;
    closed.open = true;
    (found.matches(".detail") ? closed : found).scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();

  // On paper everything is open but the grounds of claims, which are a book, and every picture is there.
  let opened = [];
  addEventListener("beforeprint", () => {
    all("img[loading=lazy]").forEach((image) => { image.loading = "eager"; });
    opened = all("details:not([open], .grounds)");
    opened.forEach((closed) => { closed.open = true; });
  });
  addEventListener("afterprint", () => opened.forEach((closed) => { closed.open = false; }));

  all("[hidden].downloads, [hidden].hint").forEach((part) => part.removeAttribute("hidden"));
})();
