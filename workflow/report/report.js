// Sorting and filtering of the table of filesets; without scripts it is simply all there.
const table = document.querySelector(".filesets");
const body = table.tBodies[0];
const rows = Array.from(body.rows);
const text = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
const search = document.getElementById("search");
const status = document.getElementById("status");
const shown = document.getElementById("shown");

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const row of rows) {
    const fits = (!status.value || row.dataset.status === status.value)
      && words.every((word) => text.get(row).includes(word));
    row.hidden = !fits;
    count += fits;
  }
  shown.textContent = `${count} of ${rows.length} shown`;
}

function sort(header) {
  const descending = header.getAttribute("aria-sort") === "ascending";
  const key = (row) => row.cells[header.cellIndex].dataset.sort;
  const numeric = header.dataset.type === "number";
  const order = numeric ? (a, b) => key(a) - key(b) : new Intl.Collator(undefined, { numeric: true }).compare;
  const compare = numeric ? order : (a, b) => order(key(a), key(b));
  rows.sort((a, b) => (descending ? compare(b, a) : compare(a, b)));
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", descending ? "descending" : "ascending");
  body.append(...rows);
}

for (const header of table.querySelectorAll("th[data-type]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...header.childNodes);
  button.addEventListener("click", () => sort(header));
  header.append(button);
}
search.addEventListener("input", filter);
status.addEventListener("change", filter);
document.querySelector(".controls").hidden = false;
filter();
