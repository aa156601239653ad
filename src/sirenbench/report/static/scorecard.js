"use strict";
// The scorecard's filter: one verdict or all, and only the claims that hold some words. What is chosen is in the
// address, as #claims:fails or #claims:fails:some words.
all("[data-filter=verdict]").forEach((list) => {
  const section = list.closest("section");
  const rows = all("tr[data-verdict]", section);
  const groups = all("details.claims", section);
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const openAtFirst = groups.filter((group) => group.open);
  const field = element("input", { type: "search" });
  const count = element("span", { role: "status" });
  let verdict = "";

  const show = () => {
    const words = field.value.toLowerCase().split(/\s+/);
    rows.forEach((row, i) => {
      row.hidden = (verdict !== "" && !row.dataset.verdict.split(" ").includes(verdict)) || !words.every((word) => texts[i].includes(word));
    });
    const filtered = verdict !== "" || field.value.trim() !== "";
    groups.forEach((group) => {
      group.hidden = all("tr[data-verdict]", group).every((row) => row.hidden);
      group.open = filtered || openAtFirst.includes(group);
    });
    count.textContent = filtered ? `${rows.filter((row) => !row.hidden).length} of ${rows.length}` : "";
  };
  const keep = () => {
    const parts = [verdict, encodeURIComponent(field.value.trim())];
    const state = parts.join(":").replace(/:$/, "");
    history.replaceState(null, "", state ? `#claims:${state}` : "#claims");
    show();
  };
  const words = all("li", list).map((item) => [item.dataset.verdict, item.dataset.word]);
  const chips = choices("Show", [["", "all"], ...words], "", (chosen) => { verdict = chosen; keep(); });
  field.addEventListener("input", keep);
  list.after(element("p", { className: "tools" }, chips, element("label", {}, "Claims with ", field), count));

  const press = (wanted) => {
    const index = ["", ...words.map(([code]) => code)].indexOf(wanted);
    all("button", chips).forEach((made, i) => { made.ariaPressed = String(i === index); });
    verdict = index > 0 ? wanted : "";
  };
  const follow = () => {
    const [place, wanted = "", text = ""] = location.hash.slice(1).split(":");
    if (place === "claims") {
      press(wanted);
      field.value = addressed(text);
      show();
      section.scrollIntoView();
    }
    const row = place === "claim" && document.getElementById(addressed());
    if (row && row.hidden) {
      press("");
      field.value = "";
      show();
      row.closest("details").open = true;
      row.scrollIntoView();
    }
  };
  addEventListener("hashchange", follow);
  follow();
});
