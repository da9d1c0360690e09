/* The fan, sparklines and the charts' theme. */
(function (page) {
  "use strict";

  var POINTS = 120;
  var trails = {};          // asset id -> recent prices, oldest first

  function spark(id) {
    var box = page.byId("spark-" + id), prices = trails[id];
    if (!box || !prices || prices.length < 2) { return; }
    var low = Math.min.apply(null, prices), high = Math.max.apply(null, prices), span = high - low || 1;
    var points = prices.map(function (price, i) {
      return (i / (prices.length - 1) * 100).toFixed(1) + "," + (26 - (price - low) / span * 24).toFixed(1);
    });
    box.innerHTML = '<svg viewBox="0 0 100 28" preserveAspectRatio="none"><polyline points="' + points.join(" ")
      + '"/></svg>';
  }

  page.addPrices = function (prices) {
    Object.keys(prices).forEach(function (id) {
      var trail = trails[id] = trails[id] || [];
      trail.push(prices[id]);
      if (trail.length > POINTS) { trail.shift(); }
      spark(id);
    });
  };

  /* Mantine writes the scheme in use on <html>; its toggle tells Dash only about clicks, not about the start
     or the system's changes. */
  function scheme() { return document.documentElement.getAttribute("data-mantine-color-scheme") || "light"; }
  new MutationObserver(function () {
    if (page.byId("fan")) { page.set("scheme-now", { data: scheme() }); }
  }).observe(document.documentElement, { attributeFilter: ["data-mantine-color-scheme"] });

  page.savePng = function (id) {
    var chart = document.querySelector("#" + id + " .js-plotly-plot");
    if (!chart || !window.Plotly) { return; }
    var paper = getComputedStyle(document.documentElement).getPropertyValue("--panel");
    window.Plotly.toImage(
      { data: chart.data, layout: Object.assign({}, chart.layout, { paper_bgcolor: paper, plot_bgcolor: paper }) },
      { format: "png", width: 1200, height: 640, scale: 2 }
    ).then(function (url) {
      page.save(url, "allocast-" + id + ".png");
    });
  };

  function component(type, props) { return { type: type, namespace: "dash_html_components", props: props }; }

  /* As money.py writes it. */
  function profit(value, digits) {
    var text = Math.abs(value).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
    return (/[1-9]/.test(text) ? (value > 0 ? "+" : "\u2212") : "") + text;
  }

  /* The table's rows: session, then from the lowest to the highest line. */
  function fanRows(given) {
    var rows = given.x.map(function (session, at) {
      var cells = [0, 2, 4, 3, 1].map(function (line) {
        return component("Td", { children: profit(given.y[line][at], given.digits) });
      });
      return component("Tr", { children: [component("Th", { children: session, scope: "row" })].concat(cells) });
    });
    return rows.filter(function (_, at) { return given.x[at] > 0; });
  }

  page.called({
    /* The fan's numbers in its frame, and as the rows of its table. */
    fan: function (given, frame) {
      var skip = window.dash_clientside.no_update;
      if (!given) { return [skip, skip]; }
      var figure = JSON.parse(JSON.stringify(frame).replace(/\.0f/g, "." + given.digits + "f"));
      var lines = figure.data, layout = figure.layout, first = -given.past.length;
      var longest = Math.max.apply(null, given.x);
      given.y.forEach(function (values, at) { lines[at].x = given.x; lines[at].y = values; });
      lines[4].customdata = given.x.map(function (_, at) { return [given.y[0][at], given.y[1][at]]; });
      if (given.past.length) {
        lines[5].x = given.past.map(function (_, at) { return first + at; }).concat(0);
        lines[5].y = given.past.concat(0);
      } else {
        lines.pop();
      }
      layout.xaxis.range = [first - longest * 0.02, longest * 1.02];
      Object.assign(layout.shapes[2], { x0: given.horizon, x1: given.horizon });
      Object.assign(layout.annotations[1], {
        x: given.horizon, xanchor: given.horizon > longest / 2 ? "right" : "left"
      });
      return [figure, fanRows(given)];
    },

    draw: function (figure, told, templates) {
      var template = templates[told === "dark" || (!told && scheme() === "dark") ? "dark" : "light"];
      var layout = Object.assign({}, figure.layout, { template: template });
      return { data: figure.data, layout: layout };
    },

    trail: function (prices) {
      Object.keys(prices || {}).forEach(function (id) {
        trails[id] = prices[id].slice(-POINTS);
        spark(id);
      });
    }
  });
})(window.allocast = window.allocast || {});
