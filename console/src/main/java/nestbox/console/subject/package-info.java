/// A hypervisor seen from its console: what someone who writes a hypervisor implements to get the
/// shell.
package nestbox.console.subject;
