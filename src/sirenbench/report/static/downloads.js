"use strict";
// Downloads: files are made here, because a page opened from disk cannot fetch its neighbours.
const save = (name, type, text) => {
  const link = element("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};

// What a cell of a table says to a reader.
const shown = (cell, unseen = true) => {
  const copy = cell.cloneNode(true);
  all("button", copy).forEach((made) => made.replaceWith(made.textContent));
  all(".evidence, .grounds", copy).forEach((part) => part.remove());
  all(".note", copy).forEach((note) => note.prepend(" "));
  all(unseen ? "[aria-hidden]" : "[aria-hidden], .unseen", copy).forEach((hidden) => hidden.remove());
  return copy.textContent.replace(/\s+/g, " ").trim();
};

{
  const quoted = (value) => {
    const text = value === null ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const csv = (rows) => rows.map((row) => row.map(quoted).join(",")).join("\r\n") + "\r\n";
  const named = (columns, row) => Object.fromEntries(row.map((value, i) => [columns[i], value]));
  const saveJson = (name, records) => save(`${name}.json`, "application/json", JSON.stringify(records, null, 1));

  // The data of the page: base64 of gzip of JSON.
  const packed = document.getElementById("data").textContent;
  const unpacked = () => {
    const bytes = Uint8Array.from(atob(packed), (sign) => sign.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  };
  const results = async () => {
    const { columns, lists, rows } = (await unpacked()).results;
    const listed = columns.map((column) => lists[column]);
    return { columns, rows: rows.map((row) => row.map((value, i) => (listed[i] ? listed[i][value] ?? null : value))) };
  };
  const CURVE = ["curve", "metric", "step", "seconds", "mean", "half of its 95 % interval"];
  const curves = async (key) => ({ columns: CURVE, rows: (await unpacked()).curves[key] });

  const ofAll = {
    csv: (name, { columns, rows }) => save(`${name}.csv`, "text/csv", csv([columns, ...rows])),
    json: (name, { columns, rows }) => saveJson(name, rows.map((row) => named(columns, row))),
  };
  all("[data-download]").forEach((made) => {
    made.addEventListener("click", async () => ofAll[made.dataset.download](made.dataset.name, await results()));
  });
  all("figure[data-curves]").forEach((figure) => {
    const { name, curves: key } = figure.dataset;
    const buttons = Object.entries(ofAll).map(([format, write]) => {
      const made = button(format.toUpperCase(), async () => write(name, await curves(key)));
      made.ariaLabel = `${name} as ${format.toUpperCase()}`;
      return made;
    });
    figure.append(element("p", { className: "tools" }, "These curves as ", ...buttons));
  });

  const seen = (rows) => [...rows].filter((row) => !row.hidden);
  const texts = (row) => [...row.cells].map((cell) => shown(cell));
  const isGroup = (row) => row.cells.length === 1 && row.cells[0].colSpan > 1;
  const records = (table) => {
    const columns = texts(table.tHead.rows[0]);
    let group = {};
    return [...table.tBodies].flatMap((body) => seen(body.rows)).flatMap((row) => {
      if (!isGroup(row)) return [{ ...group, ...named(columns, texts(row)) }];
      group = { group: shown(row.cells[0]) };
      return [];
    });
  };

  // LaTeX with booktabs: what means something to it is escaped, and signs that it lacks are in its words.
  const SIGNS = {
    "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "\\textless{}", ">": "\\textgreater{}",
    "−": "$-$", "–": "--", "±": "$\\pm$", "×": "$\\times$", "Δ": "$\\Delta$", "ω": "$\\omega$", "√": "$\\surd$",
    "²": "\\textsuperscript{2}", "∞": "$\\infty$", "≠": "$\\neq$", "≤": "$\\leq$", "≥": "$\\geq$", "→": "$\\to$", "·": "$\\cdot$",
    "’": "'", "“": "``", "”": "''", "…": "\\dots{}", "\u00a0": "~",
  };
  const SPECIAL = new RegExp(`[&%$#_{}${Object.keys(SIGNS).join("").replace(/[\\^]/g, "\\$&")}]`, "gu");
  // After the end of a row, [ and * would be taken for its options.
  const latexText = (text) => text.replace(SPECIAL, (sign) => SIGNS[sign] ?? `\\${sign}`).replace(/^[[*]/, "{$&}");
  const latexCell = (cell) => {
    const text = latexText(shown(cell, false));
    const marked = cell.querySelector(".best") ? `\\textbf{${text}}` : cell.querySelector(".second") ? `\\underline{${text}}` : text;
    return cell.colSpan > 1 ? `\\multicolumn{${cell.colSpan}}{l}{${marked}}` : marked;
  };
  const latexRows = (rows) => seen(rows).map((row) => `${[...row.cells].map(latexCell).join(" & ")} \\\\`);
  const latex = (table) => {
    const columns = [...table.tHead.rows[0].cells].map((head) => (head.classList.contains("number") ? "r" : "l"));
    const bodies = [...table.tBodies].map((body) => latexRows(body.rows).join("\n"));
    return [
      `% ${table.dataset.name}: needs \\usepackage{booktabs}. Bold: best; underlined: second best.`,
      `\\begin{tabular}{${columns.join("")}}`, "\\toprule", ...latexRows(table.tHead.rows), "\\midrule",
      bodies.join("\n\\midrule\n"), "\\bottomrule", "\\end{tabular}", "",
    ].join("\n");
  };

  const formats = {
    CSV: (name, table) => save(`${name}.csv`, "text/csv", csv(seen(table.rows).map(texts))),
    JSON: (name, table) => saveJson(name, records(table)),
    LaTeX: (name, table) => save(`${name}.tex`, "application/x-tex", latex(table)),
  };
  all("table[data-name]").forEach((table) => {
    const name = table.dataset.name;
    const buttons = Object.entries(formats).map(([format, write]) => {
      const made = button(format, () => write(name, table));
      made.ariaLabel = `${name} as ${format}`;
      return made;
    });
    table.closest(".scroll").after(element("p", { className: "tools" }, "This table as ", ...buttons));
  });
}
