/* Before the first paint: the colour scheme, and whether the address asks for other figures than the page starts with.
   A file of its own: the page's policy allows no other scripts. */
(function () {
  "use strict";
  var chosen = null;
  try { chosen = localStorage.getItem("mantine-color-scheme-value"); } catch (denied) { chosen = null; }
  if (chosen !== "light" && chosen !== "dark") {
    chosen = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }
  document.documentElement.setAttribute("data-mantine-color-scheme", chosen);
  if (location.search) { document.documentElement.dataset.asked = "yes"; }
})();
