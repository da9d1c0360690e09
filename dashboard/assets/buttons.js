/* Buttons that need no server: copy, print, tables as CSV, charts as PNG. `data-does` names what one does. */
(function (page) {
  "use strict";

  /* As it is shown, with a plain minus; a text that a spreadsheet would compute is quoted. */
  function cell(element) {
    var text = element.innerText.replace(/\s+/g, " ").trim().replace(/\u2212/g, "-");
    if (/^[=@]|^[+-](?![\d.])/.test(text)) { text = "'" + text; }
    return /[",]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }

  function saveCsv(_, button) {
    var table = (button.closest(".sheet") || button.closest(".panel")).querySelector("table");
    var rows = Array.prototype.map.call(table.rows, function (row) {
      return Array.prototype.map.call(row.cells, cell).join(",");
    });
    var name = table.caption.textContent.toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, 60);
    var url = URL.createObjectURL(new Blob([rows.join("\r\n") + "\r\n"], { type: "text/csv;charset=utf-8" }));
    page.save(url, "allocast-" + name + ".csv");
    setTimeout(function () { URL.revokeObjectURL(url); }, 60000);
  }

  function copyAddress(_, button) {
    var before = button.textContent;
    var done = function (word) {
      button.textContent = word;
      page.write(page.byId("spoken"), word);
      setTimeout(function () { button.textContent = before; }, 1500);
    };
    if (!navigator.clipboard) { done("Copy the address above"); return; }
    navigator.clipboard.writeText(location.href).then(
      function () { done("Copied"); },
      function () { done("Copy the address above"); }
    );
  }

  function showChain(version) {
    page.set("chain-version", { value: version });
    var panel = page.byId("panel-chain");
    panel.scrollIntoView({ block: "start" });
    panel.querySelector("input").focus({ preventScroll: true });
  }

  var tasks = {
    copy: copyAddress,
    print: function () { window.print(); },
    chain: showChain,
    png: function (id) { page.savePng(id); },
    csv: saveCsv
  };

  document.addEventListener("click", function (event) {
    var button = event.target.closest && event.target.closest("[data-does]");
    if (!button) { return; }
    var parts = button.getAttribute("data-does").split(":");
    if (tasks[parts[0]]) { tasks[parts[0]](parts[1], button); }
  });

  /* On paper the form is one line, and instead of ages there is when it was printed, from which model, and the
     address that shows it again. */
  window.addEventListener("beforeprint", function () {
    var held = Array.prototype.filter.call(document.querySelectorAll("input[id^='weight-']"), function (input) {
      return parseFloat(input.value) > 0;
    }).map(function (input) { return input.value + " " + input.labels[0].textContent; });
    var amount = (page.byId("amount").value + " " + page.byId("currency").value).trim();
    page.write(page.byId("asked"), amount + ": " + held.join(", "));
    page.write(page.byId("printed"), "Printed " + new Date().toISOString().slice(0, 16).replace("T", " ") + " UTC, model "
      + (page.told("model-version.children") || "unknown") + ", " + location.href);
  });
})(window.allocast = window.allocast || {});
