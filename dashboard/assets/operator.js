/* What only the operator may do: hidden from others here, and refused by the server in any case. */
(function (page) {
  "use strict";

  fetch("api/session", { cache: "no-store" }).then(function (answer) { return answer.json(); }).then(function (who) {
    document.documentElement.dataset.role = who.role || "";
    document.documentElement.dataset.login = who.login ? "yes" : "no";
  }).catch(function () { document.documentElement.dataset.role = "viewer"; });

  function ask(path, body) {
    return fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body)
    }).then(function (answer) {
      return answer.json().then(function (said) { return said.answer || said.error || "No answer."; });
    }).catch(function () { return "The server does not answer; nothing was changed."; });
  }

  page.called({
    operate: function (retrain, rollback, version) {
      var which = window.dash_clientside.callback_context.triggered_id;
      if (which === "retrain" && retrain) { return ask("api/retrain", {}); }
      if (which === "rollback" && rollback) {
        if (!version) { return "Choose the model first."; }
        return ask("api/rollback", { version: version });
      }
      return window.dash_clientside.no_update;
    }
  });
})(window.allocast = window.allocast || {});
