"""German."""

from rxstream.sansio.languages.rules import Rules, words

__all__ = ("GERMAN",)

GERMAN = Rules(
    never=words(
        "Hr Hrn Fr Frl Dr Prof Dipl Ing Dipl.-Ing Mag Mr Mrs St Hl hl Gebr",
        "z.B d.h u.a u.ä o.ä v.a i.d.R z.T z.Z zz i.S s.o s.u m.E m.W i.V i.A u.U d.i h.c a.D e.g i.e",
        "bzw bspw vgl ca evtl ggf inkl exkl einschl zzgl abzgl sog gem lt max min mind ungef urspr insb insbes",
        "geb verh gest vs resp entspr allg",
    ),
    maybe=words(
        "Jan Jän Feb Mär Apr Jun Jul Aug Sep Sept Okt Nov Dez Mo Di Mi Do Sa",
        "Co Inc Ltd Corp e.V str Str Hbf jr sen Jr Sr Ph.D Std std Mio Mrd Tsd Kto",
        "v.Chr n.Chr Chr o.J et al",
    ),
    before_number=words(
        "Nr nr S Bd Abb Abs Art Aufl Kap Kl Lit Pos Tab Tel Ziff Z Zl Jh Jhd V v Rn Rdnr Fn Anm"
    ),
    starters=words(
        "ich du er sie es wir ihr der die das den dem des ein eine einen einem einer eines dies diese dieser dieses",
        "jene jener jenes mein meine dein deine sein seine ihre unser unsere euer wer was wen wem wessen welche",
        "welcher welches wo woher wohin wann warum wieso weshalb wie ob wenn weil da dass damit obwohl während",
        "nachdem bevor bis seit als auch aber und oder denn sondern doch jedoch dann danach dort hier heute gestern",
        "morgen jetzt nun nur noch schon so also deshalb deswegen daher darum trotzdem dennoch außerdem zudem",
        "ferner schließlich zuerst zunächst vielleicht leider natürlich in im an am auf aus bei beim mit nach von vom",
        "vor zu zum zur für ohne durch gegen um über unter zwischen man alle alles viele einige kein keine niemand",
        "jeder jede jedes ist sind war waren hat haben hatte hatten kann können wird werden nein ja bitte danke",
        "mr mrs",
    ),
    lead_ins=words("am um ab bis seit vor nach gegen in im an von"),
    shouted=words("Yahoo!"),
    ordinals=True,
)
