using System.CommandLine;

var root = new RootCommand("Runs and serves large language models.");
return await root.Parse(args).InvokeAsync();
