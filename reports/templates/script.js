(function () {
  "use strict";
  var form = document.getElementById("filters");
  if (form) {
    var rows = Array.prototype.slice.call(document.querySelectorAll("[data-verdict]"));
    var groups = Array.prototype.slice.call(document.querySelectorAll("[data-group]"));
    var output = document.getElementById("filters-result");
    var size = function (row, severity) {
      var sizes = row.dataset.sizes || "", found = severity && sizes.match(new RegExp("(?:^| )" + severity + ":(\\d+)"));
      return found ? Number(found[1]) : Number(row.dataset.count || 1);
    };
    var total = rows.reduce(function (sum, row) { return sum + size(row, ""); }, 0);
    var texts = rows.map(function (row) { return row.textContent.toLocaleLowerCase("fr"); });
    var apply = function () {
      var domain = form.elements.domain.value, severity = form.elements.severity.value;
      var verdict = form.elements.verdict.value;
      var words = form.elements.words.value.trim().toLocaleLowerCase("fr");
      var active = domain || severity || verdict || words, shown = 0;
      rows.forEach(function (row, index) {
        var keep = (!domain || row.dataset.domain === domain) && (!severity || row.dataset.severity.split(" ").indexOf(severity) !== -1) &&
          (!verdict || row.dataset.verdict === verdict) && (!words || texts[index].indexOf(words) !== -1);
        row.hidden = !keep;
        if (keep) { shown += size(row, severity); }
      });
      groups.forEach(function (group) {
        group.hidden = Boolean(active) && !group.querySelector("[data-verdict]:not([hidden])");
        if (active && !group.hidden && group.tagName === "DETAILS") { group.open = true; }
      });
      output.value = active ? shown + " sur " + total + " vérifications affichées." : total + " vérifications.";
    };
    form.hidden = false;
    form.addEventListener("input", apply);
    form.addEventListener("reset", function () { window.setTimeout(apply, 0); });
    form.addEventListener("submit", function (event) { event.preventDefault(); });
    apply();
  }
  /* A table that fits needs no tab stop and no landmark: only those that scroll keep theirs. */
  var regions = Array.prototype.map.call(document.querySelectorAll(".scroll"), function (item) {
    return { item: item, label: item.getAttribute("aria-label") };
  });
  var settle = function () {
    var wide = regions.map(function (region) { return region.item.scrollWidth > region.item.clientWidth; });
    regions.forEach(function (region, index) {
      var marks = { tabindex: "0", role: "region", "aria-label": region.label };
      Object.keys(marks).forEach(function (name) {
        if (wide[index]) { region.item.setAttribute(name, marks[name]); } else { region.item.removeAttribute(name); }
      });
    });
  };
  settle();
  window.addEventListener("resize", settle);
  document.addEventListener("toggle", settle, true);
  var closed = [];
  window.addEventListener("beforeprint", function () {
    closed = Array.prototype.filter.call(document.querySelectorAll("details:not(.long)"), function (item) { return !item.open; });
    closed.forEach(function (item) { item.open = true; });
  });
  window.addEventListener("afterprint", function () {
    closed.forEach(function (item) { item.open = false; });
  });
  var reveal = function () {
    var target = window.location.hash.length > 1 && document.getElementById(window.location.hash.slice(1));
    for (var node = target; node; node = node.parentElement) {
      if (node.tagName === "DETAILS") { node.open = true; }
    }
  };
  window.addEventListener("hashchange", reveal);
  reveal();
})();
