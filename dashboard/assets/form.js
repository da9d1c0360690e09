/* The form: sliders and numbers, and the address that holds the choice. */
(function (page) {
  "use strict";

  var settled = null;       // the choice as it was last seen, as JSON
  var sliding = null;       // the slider that was touched last, unless something else was touched since

  /* A slider that is moved sets its number, which is what the figures follow. Not by a callback, for which Dash would
     hold the question back. */
  ["pointerdown", "touchstart", "keydown", "focusin"].forEach(function (kind) {
    document.addEventListener(kind, function (event) {
      sliding = event.target.closest ? event.target.closest("[id^='slider-']") : null;
    }, { capture: true, passive: true });
  });
  function tell(thumb) {
    page.set("weight-" + sliding.id.slice("slider-".length), { value: position(thumb) });
  }
  function position(thumb) { return parseFloat(thumb.getAttribute("aria-valuenow")); }
  new MutationObserver(function (changes) {
    changes.forEach(function (change) {
      if (sliding && sliding.contains(change.target)) { tell(change.target); }
    });
  }).observe(document.documentElement, { attributeFilter: ["aria-valuenow"], subtree: true });

  page.called({
    /* The slider follows its number, but for the one under somebody's hand, which leads: a number that was set while
       another was on its way says the earlier one again. */
    pair: function (number, slider, id) {
      var value = parseFloat(number);
      if (sliding && sliding.id === id) {
        var thumb = sliding.querySelector("[aria-valuenow]");
        if (position(thumb) !== value) { tell(thumb); }
        return window.dash_clientside.no_update;
      }
      var shown = isFinite(value) ? Math.min(100, Math.max(0, value)) : 0;
      return shown === slider ? window.dash_clientside.no_update : shown;
    },

    /* The query of an address that has one; without one the page is as it was sent. */
    open: function (search) {
      var skip = window.dash_clientside.no_update;
      return search ? [search, skip] : [skip, true];
    },

    /* The whole choice, when it is another one than before; a page without a query starts with one that needs none. */
    settle: function () {
      var now = Array.prototype.slice.call(arguments, 2), before = settled;
      settled = JSON.stringify(now);
      var known = before === null ? !location.search : before === settled;
      return known ? window.dash_clientside.no_update : now;
    },

    /* The address holds the choice; nothing is loaded again. */
    address: function (query) {
      if (typeof query !== "string") { return; }
      history.replaceState(history.state, "", location.pathname + query);
      ["figures", "scenarios"].forEach(function (name) {
        var link = page.byId("csv-" + name);
        if (link) { link.setAttribute("href", "download/" + name + ".csv" + query); }
      });
    },

    /* The form's own weights, beside those that it is compared with. */
    mine: function () {
      return Array.prototype.slice.call(arguments, 1).map(function (value) { return (parseFloat(value) || 0) + " %"; });
    }
  });
})(window.allocast = window.allocast || {});
