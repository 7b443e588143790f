using System.Diagnostics;
using Engine.Server.Http.Generation;
using Engine.Server.Http.Json;
using Engine.Server.Http.Tracing;

namespace Engine.Server.Http.Responses;

/// <summary>
/// Responses under way that nobody waits for. As many as the engine has room for: it refuses the others when they come.
/// The server's drain waits for them as for requests.
/// </summary>
/// <param name="state">Counts them as work.</param>
/// <param name="pingInterval">How long a stream of events may be silent.</param>
/// <param name="maxEventBytes">Events of one that are kept.</param>
internal sealed class BackgroundResponses(ServerState state, TimeSpan pingInterval, long maxEventBytes)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, BackgroundResponse> _underWay = [];

    public TimeSpan PingInterval => pingInterval;

    /// <summary>One of the owner's that has not ended, or null.</summary>
    public BackgroundResponse? Find(string id, string owner)
    {
        lock (_lock)
        {
            return _underWay.TryGetValue(id, out BackgroundResponse? found) && found.Owner == owner ? found : null;
        }
    }

    /// <summary>Begins one, and answers that it has begun, or with its events.</summary>
    public Task RunAsync(HttpContext context, ResponsesFormat format)
    {
        bool isStream = format.Job.Fields.Stream;
        var response = new BackgroundResponse(format, isStream ? new KeptEvents(maxEventBytes) : null);
        format.Job.Submit();
        state.Enter();
        lock (_lock)
        {
            _underWay.Add(format.Id, response);
        }

        ActivityContext parent = RequestTrace.ParentOf(context.Request.Headers);
        Task answer = isStream
            ? response.Events!.StreamAsync(context, -1, pingInterval)
            : JsonResponse.WriteAsync(context, response.Write);
        _ = Task.Run(() => FollowAsync(response, format, parent));
        return answer;
    }

    private async Task FollowAsync(BackgroundResponse response, ResponsesFormat format, ActivityContext parent)
    {
        try
        {
            await response.FollowAsync();
        }
        finally
        {
            // Kept first, so that it is always somewhere.
            if (!response.IsUnwanted)
            {
                format.Chain!.Keep(format.Id, response.Write, response);
            }

            lock (_lock)
            {
                _underWay.Remove(format.Id);
            }

            response.End();
            state.Leave();
            if (RequestTrace.IsOn)
            {
                RequestTrace.Write(parent, format.Job, format.Id, format.Model);
            }
        }
    }
}
