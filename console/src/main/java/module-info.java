/// The hypervisor's shell: commands and answers as values, and the console that they are typed on.
module nestbox.console {
    requires transitive nestbox.platform;
    requires transitive nestbox.scenario;
    requires transitive nestbox.x86;

    exports nestbox.console;
    exports nestbox.console.command;
    exports nestbox.console.report;
    exports nestbox.console.subject;
}
