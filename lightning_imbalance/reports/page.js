"use strict";

// Sorts and searches the tables. Without it they are plain tables with all their rows.
(() => {
  const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const digits = new Intl.NumberFormat("en");
  const NEXT = { none: "ascending", ascending: "descending", descending: "none" };

  // The number that a cell begins with: 1,234  12.3%  +0.05  <1  31.6 : 1. NaN where there is none.
  function number(text) {
    const plain = text.trim().replace("\u2212", "-").replace(/^[<>\u2264\u2265]\s*/, "");
    if (/^[+-]?inf/i.test(plain)) return plain.startsWith("-") ? -Infinity : Infinity;
    const found = plain.match(/^[+-]?(?:\d[\d,]*)?\.?\d+(?:e[+-]?\d+)?/i);
    return found ? Number(found[0].replaceAll(",", "")) : NaN;
  }

  function compare(first, second, sign) {
    if (typeof first === "string") return sign * words.compare(first, second);
    // What is missing comes last, whichever way the rest is sorted.
    if (Number.isNaN(first) || Number.isNaN(second)) return Number.isNaN(first) - Number.isNaN(second);
    return first === second ? 0 : sign * (first < second ? -1 : 1);
  }

  function makeSortable(table) {
    const body = table.tBodies[0];
    const original = Array.from(body.rows);
    const headers = Array.from(table.tHead.rows[0].cells);

    function sort(column) {
      const header = headers[column];
      const order = NEXT[header.getAttribute("aria-sort")];
      for (const each of headers) each.setAttribute("aria-sort", each === header ? order : "none");
      if (order === "none") return body.replaceChildren(...original);
      const read = header.classList.contains("right") ? number : (text) => text;
      const keyed = original.map((row) => [read(row.cells[column].textContent), row]);
      const sign = order === "ascending" ? 1 : -1;
      body.replaceChildren(...keyed.sort((a, b) => compare(a[0], b[0], sign)).map(([, row]) => row));
    }

    headers.forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.addEventListener("click", () => sort(column));
      header.append(button);
      header.setAttribute("aria-sort", "none");
    });
  }

  function makeSearchable(box, table) {
    const rows = Array.from(table.tBodies[0].rows);
    const fold = (text) => text.normalize().toLowerCase();
    const texts = rows.map((row) => fold(Array.from(row.querySelectorAll(".left"), (cell) => cell.textContent).join("\n")));
    const label = document.createElement("label");
    const input = document.createElement("input");
    const found = document.createElement("output");
    input.type = "search";
    input.autocomplete = "off";
    input.spellcheck = false;
    label.className = "search";
    label.append("Search ", input, found);

    function search() {
      const wanted = fold(input.value.trim());
      rows.forEach((row, place) => { row.hidden = !texts[place].includes(wanted); });
      const shown = rows.filter((row) => !row.hidden).length;
      const all = digits.format(rows.length);
      found.textContent = wanted ? `${digits.format(shown)} of ${all} rows` : `${all} rows`;
    }

    input.addEventListener("input", search);
    box.querySelector(".scroll").before(label);
    search();
  }

  for (const box of document.querySelectorAll("[data-sortable]")) {
    const table = box.querySelector("table");
    makeSortable(table);
    if ("searchable" in box.dataset) makeSearchable(box, table);
  }
})();
