"use strict";
(function () {
  // Written without the two signs that XML keeps for itself.
  var all = function (of, selector) { return Array.prototype.slice.call(of.querySelectorAll(selector)); };
  var form = document.getElementById("filter");
  var text = document.getElementById("text");
  var decision = document.getElementById("decision");
  var owner = document.getElementById("owner");
  var change = document.getElementById("change");
  var findings = all(document, ".finding");
  var narrowed = document.getElementById("narrowed");
  // Read when first asked for: of a fleet it is much.
  var told = [];
  var tells = function (at, word) {
    if (told[at] === undefined) { told[at] = findings[at].textContent.toLowerCase(); }
    return told[at].indexOf(word) !== -1;
  };
  var narrow = function () {
    var wanted = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    var verdicts = all(form, "input[name=verdict]:checked").map(function (box) { return box.value; });
    var shown = 0;
    findings.forEach(function (finding, at) {
      var fits = [
        verdicts.indexOf(finding.dataset.verdict) !== -1,
        decision.value === "" ? true : decision.value === finding.dataset.decision,
        owner ? owner.value === "" ? true : owner.value === finding.dataset.owner : true,
        change ? change.value === "" ? true : finding.dataset.change.split(" ").indexOf(change.value) !== -1 : true,
        wanted.every(function (word) { return tells(at, word); })
      ].every(Boolean);
      if (finding.hidden === fits) { finding.hidden = !fits; }
      shown += fits ? 1 : 0;
    });
    all(document, ".group").forEach(function (group) {
      group.hidden = !all(group, ".finding").some(function (finding) { return !finding.hidden; });
    });
    document.getElementById("shown").textContent = shown + " of " + findings.length + " findings shown";
    narrowed.hidden = shown === findings.length;
    narrowed.textContent = "Narrowed by hand: " + shown + " of " + findings.length + " findings are shown.";
  };
  var fold = function (open) {
    all(document, ".finding:not([hidden]) > details").forEach(function (details) { details.open = open; });
  };
  var follow = function () {
    var target = location.hash ? document.getElementById(location.hash.slice(1)) : null;
    var details = target ? target.querySelector("details") : null;
    if (details) {
      target.hidden = false;
      if (target.closest(".group")) { target.closest(".group").hidden = false; }
      details.open = true;
      target.scrollIntoView();
    }
  };
  form.hidden = false;
  form.addEventListener("input", narrow);
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  document.getElementById("unfold").addEventListener("click", function () { fold(true); });
  document.getElementById("fold").addEventListener("click", function () { fold(false); });
  window.addEventListener("hashchange", follow);
  var folded = [];
  window.addEventListener("beforeprint", function () {
    folded = all(document, "details:not([open])");
    folded.forEach(function (details) { details.open = true; });
  });
  window.addEventListener("afterprint", function () {
    folded.forEach(function (details) { details.open = false; });
  });
  narrow();
  follow();
})();
