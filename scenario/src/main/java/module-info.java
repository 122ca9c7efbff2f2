/// Scenario and board XML to records, defaults and rules.
module nestbox.scenario {
    exports nestbox.scenario;
    exports nestbox.scenario.board;
    exports nestbox.scenario.rule;
}
