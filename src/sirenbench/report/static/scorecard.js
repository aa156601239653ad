// The scorecard's filter: claims with one verdict, with some words, of one section of the paper. What is chosen is in
// the address, as #claims:fails or #claims:fails:some words:fitting.
all("[data-filter=verdict]").forEach((list) => {
  const section = list.closest("section");
  const rows = all("tr[data-verdict]", section);
  const groups = all("details.claims", section);
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const abouts = rows.map((row) => ["", row.closest(".claims").dataset.group]);
  const openAtFirst = groups.filter((group) => group.open);
  const field = element("input", { type: "search" });
  const about = element("select", {}, new Option("all", ""));
  about.append(...groups.map((group) => new Option(group.firstElementChild.firstChild.data, group.dataset.group)));
  const count = element("span", { role: "status" });
  let verdict = "";

  const show = () => {
    const words = field.value.toLowerCase().split(/\s+/);
    rows.forEach((row, i) => {
      const isOf = verdict === "" || row.dataset.verdict.split(" ").includes(verdict);
      row.hidden = !(isOf && abouts[i].includes(about.value) && words.every((word) => texts[i].includes(word)));
    });
    const filtered = `${verdict}${field.value.trim()}${about.value}` !== "";
    groups.forEach((group) => {
      group.hidden = all("tr[data-verdict]", group).every((row) => row.hidden);
      group.open = filtered || openAtFirst.includes(group);
    });
    count.textContent = filtered ? `${rows.filter((row) => !row.hidden).length} of ${rows.length}` : "";
  };
  const keep = () => {
    const parts = ["#claims", verdict, encodeURIComponent(field.value.trim()), about.value];
    history.replaceState(null, "", parts.join(":").replace(/:+$/, ""));
    show();
  };
  const words = all("li", list).map((item) => [item.dataset.verdict, item.dataset.word]);
  const chips = choices("Show", [["", "all"], ...words], "", (chosen) => { verdict = chosen; keep(); });
  field.addEventListener("input", keep);
  about.addEventListener("input", keep);
  list.after(element("p", { className: "tools" }, chips, labelled("Claims with", field), labelled("Section", about), count));

  const choose = (wanted = "", text = "", group = "") => {
    const index = ["", ...words.map(([code]) => code)].indexOf(wanted);
    all("button", chips).forEach((made, i) => { made.ariaPressed = String(i === index); });
    verdict = index > 0 ? wanted : "";
    field.value = addressed(text);
    about.value = group;
    if (!about.value) about.value = "";
    show();
  };
  const follow = () => {
    const [place, ...chosen] = location.hash.slice(1).split(":");
    if (place === "claims") {
      choose(...chosen);
      section.scrollIntoView();
    }
    const row = place === "claim" && document.getElementById(addressed());
    if (row && row.hidden) {
      choose();
      row.closest("details").open = true;
      row.scrollIntoView();
    }
  };
  addEventListener("hashchange", follow);
  follow();
});
