"use strict";
// The scorecard's filter: one verdict at a time, or all.
all("[data-filter=verdict]").forEach((list) => {
  const section = list.closest("section");
  const rows = all("tr[data-verdict]", section);
  const groups = all("details.claims", section);
  const show = (verdict) => {
    rows.forEach((row) => { row.hidden = verdict !== "" && row.dataset.verdict !== verdict; });
    groups.forEach((group) => {
      group.hidden = all("tr[data-verdict]", group).every((row) => row.hidden);
      group.open = verdict !== "";
    });
  };
  const options = [["", "all"], ...all("li", list).map((item) => [item.dataset.verdict, item.firstElementChild.textContent])];
  list.after(choices("Show", options, "", show));
});
