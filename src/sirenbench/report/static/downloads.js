// Downloads: files are made here, because a page opened from disk cannot fetch its neighbours.
const save = (name, type, text) => {
  const link = element("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};

// What a cell of a table says to a reader.
const readable = (cell, unread = "[aria-hidden]") => {
  const copy = cell.cloneNode(true);
  all("button", copy).forEach((made) => made.replaceWith(made.textContent));
  all(`.evidence, .grounds, ${unread}`, copy).forEach((part) => part.remove());
  all(".note", copy).forEach((note) => note.prepend(" "));
  return copy;
};
const wordsOf = (part) => part.textContent.replace(/\s+/g, " ").trim();
const shown = (cell, unread) => wordsOf(readable(cell, unread));

{
  const quoted = (value) => {
    const text = value === null ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const csv = (rows) => rows.map((row) => row.map(quoted).join(",")).join("\r\n") + "\r\n";

  // The data of the page: base64 of gzip of JSON.
  const packed = document.getElementById("data").textContent;
  const unpacked = () => {
    const bytes = Uint8Array.from(atob(packed), (sign) => sign.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  };
  const results = async (cell) => {
    const { columns, lists, rows } = (await unpacked()).results;
    const listed = columns.map((column) => lists[column]);
    const read = rows.map((row) => row.map((value, i) => (listed[i] ? listed[i][value] ?? null : value)));
    const name = columns.indexOf("name");
    return { columns, rows: read.filter((row) => !cell || row[name] === cell) };
  };
  const CURVE = ["curve", "metric", "step", "seconds", "mean", "half of its 95 % interval"];
  const curves = async (key) => ({ columns: CURVE, rows: (await unpacked()).curves[key] });

  const ofAll = {
    CSV: (name, { columns, rows }) => save(`${name}.csv`, "text/csv", csv([columns, ...rows])),
    JSON: (name, { columns, rows }) => {
      const records = rows.map((row) => Object.fromEntries(row.map((value, i) => [columns[i], value])));
      save(`${name}.json`, "application/json", JSON.stringify(records, null, 1));
    },
  };
  const offer = (what, name, formats, content) => {
    const buttons = Object.entries(formats).map(([format, write]) => {
      const press = async () => write(name, await content());
      return button(format, press, `${name} as ${format}`);
    });
    return element("p", { className: "tools" }, `${what} as `, ...buttons);
  };
  all("[data-download]").forEach((made) => {
    made.addEventListener("click", async () => ofAll[made.dataset.download](made.dataset.name, await results()));
  });
  all("figure[data-curves]").forEach((figure) => {
    const { name, curves: key } = figure.dataset;
    figure.append(offer("These curves", name, ofAll, () => curves(key)));
  });

  all("table.seeds").forEach((table) => {
    const cell = table.closest("details").querySelector("code").textContent;
    table.closest(".scroll").after(offer("These seeds", cell.replaceAll("/", "-"), ofAll, () => results(cell)));
  });

  const seen = (rows) => [...rows].filter((row) => !row.hidden);

  // For files a cell is taken apart: its number or words, half of its interval, and what else is said of it.
  const ASIDE = ".note, .unseen, th .badge, .number .badge";
  const parts = (name, cell) => {
    const copy = readable(cell);
    const half = copy.querySelector(".half");
    const asides = all(ASIDE, copy);
    [half, ...asides].forEach((part) => part?.remove());
    const words = wordsOf(copy);
    const key = copy.dataset.key ?? (words === "–" ? "" : words);
    return {
      [name]: "key" in copy.dataset || copy.matches(".number") ? valueOf(key) : key || null,
      [`${name} ±`]: valueOf(half?.dataset.key ?? ""),
      [`${name} note`]: asides.map((part) => wordsOf(part).replace(/:$/, "")).filter(Boolean).join("; ") || null,
    };
  };
  const valueOf = (text) => (text === "" ? null : Number.isFinite(Number(text)) ? Number(text) : text);
  const ofRows = (table) => {
    const names = [...table.tHead.rows[0].cells].map((head) => shown(head));
    return seen(table.tBodies[0].rows).map((row) => Object.assign({}, ...[...row.cells].map((cell, i) => parts(names[i], cell))));
  };
  // Where the arms are the columns, and an arm's numbers stand below each other, a record is an arm of a block of rows.
  const ofArms = (table) => {
    const arms = [...table.tHead.rows[0].cells].slice(1);
    return [...table.tBodies].flatMap(({ rows: [title, ...rows] }) => arms.flatMap((arm, i) => {
      const numbers = Object.assign({}, ...rows.map((row) => parts(row.dataset.column, row.cells[i + 1])));
      const isThere = Object.values(numbers).some((value) => value !== null);
      return isThere ? [{ image: shown(title), ...parts("arm", arm), ...numbers }] : [];
    }));
  };
  const tidy = (table) => {
    const records = table.matches(".arms") ? ofArms(table) : ofRows(table);
    const names = [...new Set(records.flatMap(Object.keys))];
    const columns = names.filter((name) => !/ (±|note)$/.test(name) || records.some((record) => record[name] !== null));
    return { columns, rows: records.map((record) => columns.map((name) => record[name] ?? null)) };
  };

  // As text for papers: `kind` says how words are escaped, marked, put over several columns, and joined to a row.
  const textCell = (kind, cell) => {
    const text = kind.escape(shown(cell, "[aria-hidden], .unseen"));
    const marked = cell.querySelector(".best") ? kind.best(text) : cell.querySelector(".second") ? kind.second(text) : text;
    return cell.colSpan > 1 ? kind.span(marked, cell.colSpan) : marked;
  };
  const textRows = (kind, rows) => seen(rows).map((row) => kind.row([...row.cells].map((cell) => textCell(kind, cell))));
  const aligned = (table, left, right) => (
    [...table.tHead.rows[0].cells].map((head) => (head.matches(".number") ? right : left))
  );

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
  const LATEX = {
    escape: latexText,
    best: (text) => `\\textbf{${text}}`,
    second: (text) => `\\underline{${text}}`,
    span: (text, columns) => `\\multicolumn{${columns}}{l}{${text}}`,
    row: (cells) => `${cells.join(" & ")} \\\\`,
  };
  const latex = (table) => {
    const bodies = [...table.tBodies].map((body) => textRows(LATEX, body.rows).join("\n"));
    return [
      `% ${table.dataset.name}: needs \\usepackage{booktabs}. Bold: best; underlined: second best.`,
      `\\begin{tabular}{${aligned(table, "l", "r").join("")}}`, "\\toprule", ...textRows(LATEX, table.tHead.rows),
      "\\midrule", bodies.join("\n\\midrule\n"), "\\bottomrule", "\\end{tabular}", "",
    ].join("\n");
  };

  // Markdown as GitHub has it, which links a bare `www.`: a pipe table, a title over all columns in the first.
  const MARKDOWN = {
    escape: (text) => text.replace(/[\\`*_[\]<>|~^&$#@:]|(?<=www)\./gi, "\\$&"),
    best: (text) => `**${text}**`,
    second: (text) => `*${text}*`,
    span: (text, columns) => text + " |".repeat(columns - 1),
    row: (cells) => `| ${cells.join(" | ")} |`,
  };
  const markdown = (table) => [
    ...textRows(MARKDOWN, table.tHead.rows), MARKDOWN.row(aligned(table, "---", "---:")),
    ...[...table.tBodies].flatMap((body) => textRows(MARKDOWN, body.rows)), "",
  ].join("\n");

  const formats = {
    CSV: (name, table) => ofAll.CSV(name, tidy(table)),
    JSON: (name, table) => ofAll.JSON(name, tidy(table)),
    LaTeX: (name, table) => save(`${name}.tex`, "application/x-tex", latex(table)),
    Markdown: (name, table) => save(`${name}.md`, "text/markdown", markdown(table)),
  };
  all("table[data-name]").forEach((table) => {
    const { name } = table.dataset;
    const tools = offer("This table", name, formats, () => table);
    Object.entries({ LaTeX: latex, Markdown: markdown }).forEach(([format, write]) => {
      const refused = () => "Refused by the browser";
      tools.append(copying(`Copy ${format}`, () => write(table), refused, `Copy ${format} of ${name}`));
    });
    table.closest(".scroll").after(tools);
  });
}
