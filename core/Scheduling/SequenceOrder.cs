namespace Engine.Scheduling;

/// <summary>Who goes first.</summary>
internal static class SequenceOrder
{
    /// <summary>Among running sequences: priority, arrival, output. The last one is preempted first.</summary>
    public static int CompareRunning(Sequence a, Sequence b)
    {
        int order = a.Request.Priority.CompareTo(b.Request.Priority);
        if (order == 0)
        {
            order = a.Request.ArrivalIndex.CompareTo(b.Request.ArrivalIndex);
        }

        return order != 0 ? order : a.OutputIndex.CompareTo(b.OutputIndex);
    }

    /// <summary>In the queue the same, but what has been preempted too often goes before all else.</summary>
    public static int CompareWaiting(Sequence a, Sequence b)
    {
        int order = b.IsProtected.CompareTo(a.IsProtected);
        return order != 0 ? order : CompareRunning(a, b);
    }
}
