using System.CommandLine;
var root = new RootCommand("x");
var o = new Option<int?>("--n", "-n") { Description = "d" };
root.Options.Add(o);
root.SetAction((r, ct) => { Console.WriteLine(r.GetValue(o)); return Task.FromResult(0); });
return await root.Parse(args).InvokeAsync();
