/* What the scripts of the page share. This one is loaded first (Dash goes by the names), and pulse.js, which starts the
   clocks, after all that they ask for. Each adds to `allocast` what others need, and by `called` what callbacks name. */
(function (page) {
  "use strict";

  var saying = "";

  page.byId = function (id) { return document.getElementById(id); };

  page.write = function (element, text) {
    if (element && element.textContent !== text) { element.textContent = text; }
  };

  /* Reads out at most every five seconds, the newest last. */
  page.say = function (words) {
    if (saying) { saying = words; return; }
    page.write(page.byId("spoken"), words);
    saying = " ";
    setTimeout(function () {
      var next = saying;
      saying = "";
      if (next !== " ") { page.say(next); }
    }, 5000);
  };

  page.save = function (url, name) {
    var link = document.createElement("a");
    link.href = url;
    link.download = name;
    link.click();
  };

  /* Sets properties of a component by way of Dash. */
  page.set = function (id, props) { window.dash_clientside.set_props(id, props); };

  page.called = function (functions) {
    var dash = window.dash_clientside = window.dash_clientside || {};
    dash.allocast = Object.assign(dash.allocast || {}, functions);
  };
})(window.allocast = window.allocast || {});
