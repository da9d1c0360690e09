/* The colour scheme before the first paint. A file of its own: the page's policy allows no other scripts. */
(function () {
  "use strict";
  var chosen = null;
  try { chosen = localStorage.getItem("mantine-color-scheme-value"); } catch (denied) { chosen = null; }
  if (chosen !== "light" && chosen !== "dark") {
    chosen = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }
  document.documentElement.setAttribute("data-mantine-color-scheme", chosen);
})();
