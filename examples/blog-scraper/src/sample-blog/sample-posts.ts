/** A post of the bundled blog. What is unusual about it is stated here, so that the pages can be made from data alone. */
export interface SamplePost {
  /** Last part of its address, without `.html`. */
  readonly slug: string;
  readonly title: string | null;
  readonly author: string | null;
  /** `YYYY-MM-DD HH:MM`, the blog's local time; `null` for a post that shows none. */
  readonly at: string | null;
  /** The first paragraph is the excerpt of a post that goes on on its own page. */
  readonly paragraphs: readonly string[];
  /** True when the list shows the first paragraph and a "Read more" link. */
  readonly cut?: boolean;
  /** How the post's links are written in the list. @default "absolute" */
  readonly links?: "absolute" | "relative" | "mobile";
  /** What is wrong with the post's own page. */
  readonly ownPage?: "server-error" | "broken" | "disallowed";
}

const MARTA = "Marta Ellingsen";
const IWO = "Iwo Zabłocki";
const JUNE = "June Okafor";

/** Every post of "The Lovage Patch", newest first. All texts were written for this example. */
export const SAMPLE_POSTS: readonly SamplePost[] = [
  {
    slug: "putting-the-garden-to-bed",
    title: "Putting the garden to bed",
    author: MARTA,
    at: "2024-11-24 16:05",
    cut: true,
    paragraphs: [
      "The first hard frost came on Thursday, and by noon the nasturtiums had turned to wet string. It is time.",
      "I cut the lovage down to a hand's breadth, forked a barrow of leaf mould around the crown and wrote the year on a new label. The old one had faded to nothing, which is how I know it has been there for nine winters.",
      "Everything soft goes on the heap, everything woody goes through the shredder, and the tools get oiled while the kettle boils.",
    ],
  },
  {
    slug: "three-soups-for-november",
    title: "Three soups for November",
    author: JUNE,
    at: "2024-11-17 18:40",
    paragraphs: [
      "Leek and potato with a fistful of lovage leaves from the freezer. Celeriac with pear. And the one my aunt calls “everything soup”, which is never the same twice and always good.",
      "The rule for all three: sweat the onions for longer than you think, and salt at the end.",
    ],
  },
  {
    slug: "a-label-that-lasts",
    title: "A label that lasts",
    author: IWO,
    at: "2024-11-10 09:15",
    cut: true,
    paragraphs: [
      "I have now tried six kinds of plant label through two winters. Only one was still readable.",
      "Pencil on wood rots, ink on plastic fades, and the copper ones bend when a fork finds them. A soft pencil on a strip of old roller blind wins: it costs nothing, does not shine, and the writing can be rubbed out in spring.",
    ],
  },
  {
    slug: "untitled-2024-11",
    title: null,
    author: MARTA,
    at: "2024-11-03 07:50",
    paragraphs: [
      "No title today, only a picture I did not take: forty fieldfares in the crab apple, all facing the wind.",
    ],
  },
  {
    slug: "garlic-in-the-ground",
    title: "Garlic in the ground",
    author: MARTA,
    at: "2024-10-27 15:30",
    cut: true,
    paragraphs: [
      "Ninety-six cloves, four rows, and a robin who supervised every one of them.",
      "I plant the hardneck ones deep and the softneck ones shallow, point upwards, a hand apart. Then netting, because last year the jackdaws pulled up half a row to see what it was.",
    ],
  },
  {
    slug: "what-the-slugs-left",
    title: "What the slugs left",
    author: JUNE,
    at: "2024-10-20 11:00",
    cut: true,
    links: "relative",
    paragraphs: [
      "An honest list of this year's losses: all the lettuces of May, most of the dahlias, one rubber glove.",
      "And what they left alone: lovage, onions, fennel, rosemary, the tough red kale, and, to my surprise, every single marigold.",
    ],
  },
  {
    slug: "cider-weekend",
    title: "Cider weekend",
    author: IWO,
    at: "2024-10-13 19:20",
    paragraphs: [
      "Eleven neighbours, two hundred kilos of apples, one press that squeaks. We got ninety litres and a row about whether crab apples belong in it.",
      "They do. A tenth of the weight, no more.",
    ],
  },

  {
    slug: "saving-bean-seed",
    title: "Saving bean seed",
    author: MARTA,
    at: "2024-10-06 10:10",
    cut: true,
    paragraphs: [
      "Leave the best pods, not the last ones. That is the whole secret, and it took me years.",
      "When they rattle, bring them in before the rain, shell them into a tray and wait until a bean breaks between your teeth instead of denting. Then into a paper bag with the name, the year and a bay leaf that does nothing but smell nice.",
    ],
  },
  {
    slug: "the-heap-reached-sixty",
    title: "The heap reached sixty degrees",
    author: IWO,
    at: "2024-09-29 08:35",
    cut: true,
    paragraphs: [
      "There is a thermometer in the compost now, and I check it more often than the news.",
      "Grass and cardboard in equal parts by eye, turned on the third day. It went from 18 °C to 61 °C by the fifth, held for a week, and cooked every weed seed I could find.",
    ],
  },
  {
    slug: "lovage-salt",
    title: "Lovage salt",
    author: JUNE,
    at: "2024-09-22 17:45",
    cut: true,
    paragraphs: [
      "Two handfuls of leaves, one of coarse salt, ten minutes of pounding. The kitchen smells of celery and hay for a day.",
      "Spread it thin on a baking tray and dry it in an oven that is only just warm. It keeps until the next leaves come. Use it on eggs first; you will find the rest of its uses on your own.",
    ],
  },
  {
    slug: "after-the-equinox",
    title: "After the equinox",
    author: MARTA,
    at: "2024-09-22 07:05",
    paragraphs: [
      "Two posts in one day, because the morning was too good to keep: mist up to the knee, and the whole row of sunflowers standing in it like people waiting for a ferry.",
    ],
  },
  {
    slug: "a-guest-post",
    title: "A guest post about hedges",
    author: null,
    at: "2024-09-15 12:25",
    cut: true,
    paragraphs: [
      "The writer of this one would rather not be named, having strong opinions and neighbours.",
      "A hedge is not a fence that grew. Cut it narrow at the top and wide at the bottom, once in late winter and once in high summer, and never on a Sunday.",
    ],
  },
  {
    slug: "drying-racks",
    title: "Drying racks from old frames",
    author: IWO,
    at: "2024-09-08 14:00",
    cut: true,
    links: "mobile",
    paragraphs: [
      "Four picture frames from the tip, a roll of fly screen, and a staple gun.",
      "Stack them with corks in the corners so that air can pass. Mint takes three days, lovage four, tomatoes for ever.",
    ],
  },
  {
    slug: "tomato-count",
    title: "Tomato count: 1,204",
    author: JUNE,
    at: "2024-09-01 20:15",
    paragraphs: ["We counted. It was a bet. I will not say who lost, but he is washing the jars."],
  },

  {
    slug: "a-cafe-in-the-village",
    title: "A café in the village – at last!",
    author: JUNE,
    at: "2024-08-25 10:30",
    cut: true,
    paragraphs: [
      "The old post office is a café now, and the first thing on the board was a lovage omelette for €7.50.",
      "“We grow it behind the bins,” said the owner, “nothing kills it.” I have rarely felt so understood. The crème brûlée is good, too – and the garden at the back is open from ten.",
    ],
  },
  {
    slug: "umlaut-beans",
    title: "Grandmother Käthe’s beans",
    author: MARTA,
    at: "2024-08-18 09:40",
    cut: true,
    paragraphs: [
      "A reader sent a dozen beans in an envelope: “Käthes Weiße, Böhmen, vor 1950”.",
      "They are the size of a thumbnail, white with one freckle, and they climbed past the end of a three-metre pole by July. I shall keep thirty and post the rest on; that is what she would have done…",
    ],
  },
  {
    slug: "water-butts",
    title: "Water butts, and how many are too many",
    author: IWO,
    at: "2024-08-11 18:00",
    paragraphs: ["Seven. Seven is too many. But the eighth was free."],
  },
  {
    slug: "heatwave-notes",
    title: "Heatwave notes",
    author: MARTA,
    at: "2024-08-04 21:10",
    cut: true,
    paragraphs: [
      "35 °C by eleven in the morning, three days running.",
      "What helped: watering at five, not at eight; old bed sheets over the lettuces; letting the grass go brown. What did not: worrying. What I would do again: lie under the apple tree with a wet flannel and read.",
    ],
  },
  {
    slug: "a-recipe-that-went-missing",
    title: "A recipe that went missing",
    author: JUNE,
    at: "2024-07-28 13:15",
    cut: true,
    ownPage: "server-error",
    paragraphs: [
      "I am told this page does not load for everybody, and that the rest of the recipe is somewhere behind the error.",
    ],
  },
  {
    slug: "the-bees-moved-in",
    title: "The bees moved in",
    author: MARTA,
    at: "2024-07-21 16:20",
    cut: true,
    paragraphs: [
      "A swarm chose the box that was meant for owls. Nobody had the heart to argue.",
      "A beekeeper came from two villages away, looked, laughed, and said they would do well there. So the owls will have to wait, and the beans have never set so many pods.",
    ],
  },
  {
    slug: "blackcurrant-arithmetic",
    title: "Blackcurrant arithmetic",
    author: IWO,
    at: "2024-07-14 19:55",
    paragraphs: ["One bush, 4.2 kg, two hours of picking, nine jars, three of them given away before they had cooled."],
  },

  {
    slug: "une-lettre-de-bretagne",
    title: "Une lettre de Bretagne",
    author: "Hélène Le Goff",
    at: "2024-07-07 08:25",
    cut: true,
    paragraphs: [
      "Our friend Hélène writes from Brittany, where lovage is called “livèche” or, better, “ache de montagne”.",
      "“Ici, on la met dans la soupe de poisson à la fin, hachée très fin. Trop tôt, elle devient amère.” Too early and it turns bitter: that explains a great deal about my fish soup.",
    ],
  },
  {
    slug: "midsummer",
    title: "Midsummer, 4 a.m.",
    author: MARTA,
    at: "2024-06-23 04:00",
    paragraphs: ["It never quite got dark. I picked strawberries by the light of the sky and met the cat coming home."],
  },
  {
    slug: "elderflower",
    title: "Elderflower, and a warning about lids",
    author: JUNE,
    at: "2024-06-16 17:30",
    cut: true,
    paragraphs: [
      "Thirty heads, picked dry and in the sun. Two lemons, two kilos of sugar, and patience.",
      "The warning: if you leave the cordial in the warm with the lids on tight, it ceases to be cordial. The ceiling is the same colour as before, nearly.",
    ],
  },
  {
    slug: "undated-note",
    title: "A note without a date",
    author: JUNE,
    at: null,
    paragraphs: [
      "Found at the bottom of the seed box, in my own handwriting: “Do NOT sow parsnips this early again.” It does not say which year, or how early.",
    ],
  },
  {
    slug: "hoeing",
    title: "In praise of the hoe",
    author: IWO,
    at: "2024-06-02 11:45",
    cut: true,
    paragraphs: [
      "Ten minutes a day, dry soil, sharp edge. That is the whole of weeding.",
      "A hoe is a file, a stick and a habit. Mine was my father's; the blade has been ground so often that it is a third shorter than in his photographs.",
    ],
  },
  {
    slug: "peas-on-strings",
    title: "Peas on strings",
    author: MARTA,
    at: "2024-05-26 15:50",
    paragraphs: ["The trellis is strung like a harp, and the peas have found the first notes."],
  },
  {
    slug: "frost-in-may",
    title: "Frost in May",
    author: MARTA,
    at: "2024-05-19 06:30",
    cut: true,
    paragraphs: [
      "The ice saints came a week late, as they do now.",
      "We lost the courgettes and kept the beans, because I had been too lazy to plant them out. There is a lesson in that and I shall not be drawing it.",
    ],
  },

  {
    slug: "żurek-with-lovage",
    title: "Żurek with lovage 🌿",
    author: IWO,
    at: "2024-05-12 12:00",
    cut: true,
    links: "relative",
    paragraphs: [
      "Sour rye soup, the way it was made at home: zakwas, kiełbasa, a boiled egg, and lubczyk where others use marjoram.",
      "Five days for the starter, twenty minutes for the soup. Smacznego! 日本の友達のために: it goes very well with rice, I am told, though my grandmother must never hear of it.",
    ],
  },
  {
    slug: "the-first-shoots",
    title: "The first shoots",
    author: MARTA,
    at: "2024-05-05 07:20",
    paragraphs: ["Bronze fists through the leaf mould. In a week they will be up to my knee and in June over my head."],
  },
  {
    slug: "seed-swap-2024",
    title: "Seed swap: what went and what came",
    author: JUNE,
    at: "2024-04-28 18:10",
    cut: true,
    paragraphs: [
      "We brought beans, marigolds and a bag of lovage seed that nobody believed would germinate.",
      "We came home with sea kale, a yellow beetroot, two kinds of tobacco nobody will smoke, and the address of a woman who grows rice in a bathtub.",
    ],
  },
  {
    slug: "members-only",
    title: "The minutes of the allotment meeting",
    author: IWO,
    at: "2024-04-21 20:00",
    cut: true,
    ownPage: "disallowed",
    paragraphs: [
      "The full minutes are for members, so our robots.txt asks machines to stay away from them. Here is the short form: the shed stays.",
    ],
  },
  {
    slug: "cold-frame",
    title: "A cold frame in one afternoon",
    author: IWO,
    at: "2024-04-14 16:45",
    cut: true,
    paragraphs: [
      "Two window sashes, four boards, six hinges of which I used four.",
      "The back is 40 cm high, the front 25, and the slope looks south. Prop it open by ten on sunny days, or you will have made an oven.",
    ],
  },
  {
    slug: "nettles-first",
    title: "Nettles first",
    author: JUNE,
    at: "2024-04-07 09:00",
    paragraphs: [
      "Before the garden gives anything, the ditch does. Gloves, scissors, a colander; blanch, chop, butter.",
    ],
  },
  {
    slug: "dividing-the-old-crown",
    title: "Dividing the old crown",
    author: MARTA,
    at: "2024-03-31 14:35",
    cut: true,
    paragraphs: [
      "Every five years the lovage needs to be told who is in charge.",
      "I lift the whole crown with two forks, cut it into four with a bread knife kept for the purpose, and replant the two youngest pieces. The rest goes to whoever walks past; by evening it had all found homes.",
    ],
  },

  {
    slug: "mud-season",
    title: "Mud season",
    author: JUNE,
    at: "2024-03-24 17:00",
    paragraphs: ["There is a boot in the leek bed. It is mine. It will come out in April."],
  },
  {
    slug: "broken-page",
    title: "The page with half a template",
    author: IWO,
    at: "2024-03-17 10:50",
    cut: true,
    ownPage: "broken",
    paragraphs: [
      "We changed the blog's template while this was being saved, and the page has been a torso ever since.",
    ],
  },
  {
    slug: "windowsill",
    title: "Everything on the windowsill",
    author: MARTA,
    at: "2024-03-10 08:05",
    cut: true,
    paragraphs: [
      "Forty-two pots on eleven metres of sill, and a system of saucers that works until the cat joins in.",
      "The chillies are up, the tomatoes are thinking about it, and the lovage seedlings look exactly like celery, which looks exactly like the weeds.",
    ],
  },
  {
    slug: "pruning-by-moonlight",
    title: "Pruning by moonlight, more or less",
    author: IWO,
    at: "2024-03-03 19:30",
    paragraphs: ["I do not believe in it. But the apple tree was done in peace and quiet, and nobody rang."],
  },
  {
    slug: "leap-day",
    title: "A day for nothing",
    author: MARTA,
    at: "2024-02-29 12:00",
    cut: true,
    paragraphs: [
      "The calendar gave us one for free, so we did not plan it.",
      "We walked the edge of every bed with a cup of tea and touched things. Nobody wrote anything down. It is the most useful day we have spent in the garden this year.",
    ],
  },
  {
    slug: "catalogues",
    title: "Catalogues",
    author: JUNE,
    at: "2024-02-11 20:40",
    paragraphs: ["I have ordered eleven packets. I needed two. I shall not be taking questions."],
  },
  {
    slug: "tools-in-winter",
    title: "Tools in winter",
    author: IWO,
    at: "2024-01-28 15:15",
    cut: true,
    paragraphs: [
      "A file, a rag, a tin of linseed oil, and a radio play.",
      "Do the edges first, then the metal, then the wood. Three thin coats, not one thick one. The spade now hangs in the hall because it is the nicest thing we own.",
    ],
  },

  {
    slug: "snowdrops",
    title: "Snowdrops, early",
    author: MARTA,
    at: "2024-01-14 09:25",
    paragraphs: [
      "Under the hedge, on the north side, where nothing else would. I counted nineteen and then it rained.",
    ],
  },
  {
    slug: "new-year-list",
    title: "A list for the new year",
    author: MARTA,
    at: "2024-01-01 11:11",
    cut: true,
    paragraphs: [
      "Fewer tomatoes. More shade. One bench.",
      "Sow later. Write the labels at once. Ask before digging. Give away the surplus before it is a surplus. And sit on the bench.",
    ],
  },
  {
    slug: "last-leeks",
    title: "The last leeks of the year",
    author: JUNE,
    at: "2023-12-17 16:30",
    paragraphs: ["Frozen in so hard that we needed the mattock. Twelve of them, thick as wrists."],
  },
  {
    slug: "hello",
    title: "Hello from the lovage patch",
    author: MARTA,
    at: "2023-12-03 10:00",
    cut: true,
    paragraphs: [
      "Three of us, one garden, too many opinions: it seemed best to write them down.",
      "June cooks, Iwo builds, I dig. The lovage was here before any of us and will be here after. Welcome.",
    ],
  },
];
